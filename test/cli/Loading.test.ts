/**
 * Protects the start and the memory of what runs for months: neither the runner nor a command for a real cluster loads the
 * simulator, and nothing loads the platform's `fetch`.
 */
import { execFile } from "node:child_process"
import path from "node:path"
import { describe, expect, it } from "vitest"

const main = path.resolve("packages/cli/src/main.ts")

/** Runs in front of the command, and tells at its end what of ours was loaded, and what of the platform. */
const listener = `
import { registerHooks } from "node:module"
import path from "node:path"
const loaded = []
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
process.on("exit", () => console.error("LOADED " + JSON.stringify([...loaded, ...process.moduleLoadList])))
`

/** What a command loads. */
const loadedBy = (args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
  new Promise((resolve, reject) => {
    const hook = `data:text/javascript,${encodeURIComponent(listener)}`
    execFile(process.execPath, ["--import", hook, main, ...args], (_, out, noted) => {
      const told = noted.split("\n").find((line) => line.startsWith("LOADED "))
      if (told === undefined) reject(new Error(`${out}${noted}`))
      // The listener above writes an array of strings.
      else resolve(JSON.parse(told.slice("LOADED ".length)) as ReadonlyArray<string>)
    })
  })

describe("shardwright", () => {
  it.each([
    ["health --connect 127.0.0.1:1", "packages/core/src/Operator.ts"],
    ["node run --config /nonexistent.yaml", "packages/node/src/runNode.ts"],
  ])(
    "%s loads no simulator",
    async (line, needed) => {
      const loaded = await loadedBy(line.split(" "))
      expect(loaded.filter((name) => name.endsWith(needed))).toHaveLength(1)
      expect(loaded.filter((name) => name.includes("/sim/src/"))).toEqual([])
      expect(loaded.filter((name) => name.includes("undici"))).toEqual([])
    },
    60_000,
  )
})
