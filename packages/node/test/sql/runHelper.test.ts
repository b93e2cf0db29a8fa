/** Protects the start of the helper: the daemon reads one line, gives it three seconds, and knows nothing of an original helper behind it. */
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { addressIn, addressLine, readHelperRequest, replyWithOwnError } from "../../src/sql/HelperProtocol.ts"
import { runHelper } from "../../src/sql/runHelper.ts"
import { startUpstreamHelper } from "../../src/sql/UpstreamHelper.ts"

const until = Effect.fnUntraced(function* (holds: () => boolean) {
  while (!holds()) yield* Effect.sleep(Duration.millis(20))
})

const original = (script: string) => [process.execPath, "-e", script, "--"]

describe("the helper", () => {
  it.live("says where it listens before its daemon can be asked, and ends when it is told to", () =>
    Effect.gen(function* () {
      const printed: Array<string> = []
      const stopped = yield* Deferred.make<void>()
      const helper = yield* Effect.forkChild(
        runHelper({
          config: { mysql: "127.0.0.1:1", cluster: "c", engine: defaultEngineConfig },
          log: () => undefined,
          daemonArguments: ["--listen=http://127.0.0.1:9312", "--threads=2"],
          print: (text) => void printed.push(text),
          stopped: Deferred.await(stopped),
        }),
      )
      yield* until(() => printed.length > 0)
      const address = addressIn(printed[0] ?? "")
      expect(printed).toEqual([`Buddy shardwright started ${address}\n`])
      const reply = yield* Effect.promise(async () => {
        const asked = { type: "unknown sql request", version: 3, error: "e", message: { body: "BACKUP" } }
        const headers = { "content-type": "application/json" }
        return (await fetch(`http://${address}/`, { method: "POST", headers, body: JSON.stringify(asked) })).json()
      })
      expect(reply).toMatchObject({ type: "sql response", message: { error: "e" } })
      yield* Deferred.succeed(stopped, undefined)
      yield* Fiber.join(helper)
    }),
  )

  it.live("ends as a process while a statement waits for a daemon: that daemon may be waiting for it to end", () =>
    Effect.gen(function* () {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-helper-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
      const file = path.join(folder, "node.yaml")
      fs.writeFileSync(file, "mysql: 127.0.0.1:1\ncluster: c\n")
      const main = path.resolve(import.meta.dirname, "../../src/main.ts")
      const child = spawn(process.execPath, [main, "helper", "--config", file, "--listen=x", "--new-one"])
      yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
      const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)))
      let printed = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text))
      yield* until(() => printed.includes("\n"))
      const asked = { type: "unknown sql request", version: 3, error: "e", message: { body: "SHOW SHARDING MASTER" } }
      const answered = fetch(`http://${addressIn(printed.split("\n")[0] ?? "")}/`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(asked),
      }).then(
        () => "answered",
        () => "cut off",
      )
      yield* until(() => printed.includes("daemon.awaited"))
      child.kill("SIGTERM")
      expect(yield* Effect.promise(() => ended)).toBe(0)
      expect(yield* Effect.promise(() => answered)).toBe("cut off")
    }).pipe(Effect.scoped),
  )

  it.live("starts the original one with what the daemon said, and hands on what that one prints", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const address = yield* startUpstreamHelper({
        command: original(
          "console.log('Buddy 3.1.4 started 127.0.0.1:5\\nargs ' + process.argv.slice(1)); setInterval(() => {}, 1000)",
        ),
        daemonArguments: ["--threads=2"],
        say: (text) => void said.push(text),
      })
      yield* until(() => address() !== undefined && said.join("").includes("args"))
      expect(address()).toBe("127.0.0.1:5")
      expect(said.join("")).toBe("args --threads=2\n")
    }).pipe(Effect.scoped),
  )

  it.live("knows no address of one that ended, and starts it again", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const address = yield* startUpstreamHelper({
        command: original("console.log('Buddy 1 started 127.0.0.1:5')"),
        daemonArguments: [],
        say: (text) => void said.push(text),
      })
      yield* until(() => said.filter((text) => text.includes("ended: code 0")).length === 2)
      expect(address()).toBeUndefined()
    }).pipe(Effect.scoped),
  )
})

describe("the protocol", () => {
  it("the line of the address is what the daemon looks for", () => {
    expect(addressIn(addressLine("1.2", "127.0.0.1:99"))).toBe("127.0.0.1:99")
    expect(addressIn("PHP Warning: started 127.0.0.1:99")).toBeUndefined()
  })

  it("what is no question of a daemon is none", () => {
    for (const text of ["", "[]", "{}", '{"type":"other","version":3,"error":"","message":{"body":""}}'])
      expect(readHelperRequest(text)).toBeUndefined()
  })

  it("an empty error is never handed back as a success", () => {
    const asked = readHelperRequest(
      '{"type":"unknown json request","version":3,"error":{"message":""},"message":{"path_query":"/cli","body":"SHOW TABLES"}}',
    )
    expect(asked?.format).toBe("text")
    if (asked !== undefined) expect(replyWithOwnError(asked)).toContain("original helper, which is not configured")
  })
})
