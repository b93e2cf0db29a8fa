/**
 * Protects the daemon's process: it is started once, outlives whoever starts it, ends before it is started again, and is never taken for
 * another process. With a stand-in that writes its number down as the server does.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as DaemonProcess from "../src/DaemonProcess.ts"
import { loneConfig } from "../src/LoneDaemon.ts"

let folder: string
const at = (name: string) => path.join(folder, name)
const pid = () => DaemonProcess.runningPid(at("searchd.pid"), at("searchd"))

/** A program that counts its starts, writes its number down, and ends on SIGTERM unless it is stubborn. */
const program = (onTerm: string) => `#!/bin/sh
echo started >> '${at("starts")}'
trap '${onTerm}' TERM
echo $$ > '${at("searchd.pid")}'
while :; do sleep 0.02; done
`

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-daemon-"))
  fs.mkdirSync(at("data"))
  fs.writeFileSync(at("searchd"), program("exit 0"), { mode: 0o755 })
})
afterEach(() => {
  const running = pid()
  if (running !== undefined) process.kill(running, "SIGKILL")
  fs.rmSync(folder, { recursive: true, force: true })
})

const open = (options: Partial<DaemonProcess.DaemonProcessOptions> = {}) =>
  DaemonProcess.make({
    node: "10.0.0.1:9312",
    dataFolder: at("data"),
    pidFile: at("searchd.pid"),
    commands: {
      start: [at("searchd")],
      stop: undefined,
      kill: undefined,
      program: at("searchd"),
      config: at("searchd.conf"),
      output: undefined,
      stopPatience: Duration.millis(300),
    },
    startAgain: Effect.void,
    fork: (effect) => void Effect.runFork(effect),
    failed: (what, error) => {
      throw new Error(`${what}: ${String(error)}`)
    },
    ...options,
  })

const until = Effect.fnUntraced(function* (holds: () => boolean) {
  while (!holds()) yield* Effect.sleep(Duration.millis(10))
})
const starts = () => fs.readFileSync(at("starts"), "utf8").split("\n").length - 1

describe("the process", () => {
  it.live("is there from the moment of its start, and found by another runner", () =>
    Effect.gen(function* () {
      const { control } = open()
      expect(yield* control.isRunning).toBe(false)
      yield* control.start(new Map())
      expect(yield* control.isRunning).toBe(true)
      yield* until(() => pid() !== undefined)
      expect(yield* open().control.isRunning).toBe(true)
    }),
  )

  it.live("ends before it is started again", () =>
    Effect.gen(function* () {
      const again = yield* Deferred.make<number | undefined>()
      const { control } = open({ startAgain: Effect.asVoid(Effect.suspend(() => Deferred.succeed(again, pid()))) })
      yield* control.start(new Map())
      yield* until(() => pid() !== undefined)
      expect(yield* control.restart).toBe(true)
      expect(yield* Deferred.await(again)).toBeUndefined()
      expect(starts()).toBe(1)
    }),
  )

  it.live("is killed if it does not end by itself", () =>
    Effect.gen(function* () {
      fs.writeFileSync(at("searchd"), program(""), { mode: 0o755 })
      const daemon = open()
      yield* daemon.control.start(new Map())
      yield* until(() => pid() !== undefined)
      yield* daemon.stop
      expect(pid()).toBeUndefined()
      expect(yield* daemon.control.isRunning).toBe(false)
    }),
  )

  it.live("is no other one that has its number now, and none that cannot be started", () =>
    Effect.gen(function* () {
      fs.writeFileSync(at("searchd.pid"), `${process.pid}\n`)
      expect(yield* open().control.isRunning).toBe(false)
      fs.writeFileSync(at("searchd.pid"), "rubbish")
      expect(yield* open().control.isRunning).toBe(false)
      const failures: Array<string> = []
      fs.rmSync(at("searchd"))
      const { control } = open({ failed: (what) => void failures.push(what) })
      yield* control.start(new Map())
      yield* until(() => failures.length > 0)
      expect(failures).toEqual(["start"])
      expect(yield* control.isRunning).toBe(false)
    }),
  )

  it.live("of somebody else is neither started nor stopped", () =>
    Effect.gen(function* () {
      const { control } = open({ commands: undefined })
      expect(control.isGated).toBe(false)
      expect(yield* control.restart).toBe(false)
      yield* control.start(new Map([["c", { _tag: "Begin" }]]))
      expect(fs.existsSync(at("starts"))).toBe(false)
    }),
  )
})

describe("the daemon's configuration", () => {
  const text = `searchd
{
    listen = 10.0.0.1:9312
    listen = 10.0.0.1:9306:mysql
    listen=10.0.0.1:9320-9399:replication
    data_dir = data
    pid_file = /run/searchd.pid
    buddy_path = /usr/bin/helper
    threads = 8
}
`
  it("tells what must be known before it runs; paths are relative to it", () => {
    fs.writeFileSync(at("searchd.conf"), text)
    expect(DaemonProcess.readDaemonConfig(at("searchd.conf"))).toEqual({
      dataFolder: at("data"),
      pidFile: "/run/searchd.pid",
      listeners: ["10.0.0.1:9312", "10.0.0.1:9306:mysql", "10.0.0.1:9320-9399:replication"],
    })
  })

  it("is the same for a look at a stopped node, but for where it listens", () => {
    expect(loneConfig(text, "/x/inspect.pid", 20_000, 6)).toBe(`searchd
{
listen = 127.0.0.1:20000
listen = 127.0.0.1:20001:mysql
listen = 127.0.0.1:20002-20007:replication
pid_file = /x/inspect.pid
buddy_path =
    data_dir = data
    threads = 8
}
`)
  })
})
