/** Protects what is installed on machines without a checkout: one file, which runs by itself and says what is wrong with its input. */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = path.dirname(path.dirname(import.meta.dirname))
let folder: string
let file: string

const run = (...args: ReadonlyArray<string>) => spawnSync(process.execPath, [file, ...args], { encoding: "utf8" })

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-bundle-"))
  file = path.join(folder, "shardwright-node.mjs")
  const made = spawnSync(process.execPath, [path.join(root, "scripts/bundle-node.mjs"), file], { encoding: "utf8" })
  expect(made.stderr).toBe("")
  expect(made.status).toBe(0)
}, 60_000)
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

describe("the bundle", () => {
  it("is one file that needs no other", () => {
    expect(fs.readdirSync(folder)).toEqual(["shardwright-node.mjs"])
    const { status, stdout } = run("--help")
    expect(status).toBe(0)
    expect(stdout).toContain("shardwright-node run  --config FILE")
  })

  it("says what is wrong with its input, and ends with 2", () => {
    expect(run("fly")).toMatchObject({ status: 2 })
    const config = path.join(folder, "node.yaml")
    fs.writeFileSync(config, "mysql: 9306\ncluster: c\n")
    const { status, stderr } = run("run", "--config", config)
    fs.rmSync(config)
    expect(stderr).toContain("node.yaml:1:1: mysql: expected an address host:port")
    expect(status).toBe(2)
  })

  it("ends when it is told to while it waits for its daemon", () => {
    const config = path.join(folder, "node.yaml")
    fs.writeFileSync(config, "mysql: 127.0.0.1:1\ncluster: c\n")
    const { status, stdout } = spawnSync(process.execPath, [file, "run", "--config", config], {
      encoding: "utf8",
      timeout: 3000,
      killSignal: "SIGTERM",
    })
    fs.rmSync(config)
    expect(stdout).toContain('"event":"daemon.awaited"')
    expect(status).toBe(0)
  })
})
