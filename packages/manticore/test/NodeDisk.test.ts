/** Protects what a runner remembers, and that no name leads it out of the folders that it may write to. */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeDisk from "../src/NodeDisk.ts"

let folder: string
const files = () => NodeDisk.make({ dataFolder: path.join(folder, "data"), stateFolder: path.join(folder, "state") })

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-disk-"))
  fs.mkdirSync(path.join(folder, "data"))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

describe("memory", () => {
  it.effect("outlives the process, for its owner alone", () =>
    Effect.gen(function* () {
      expect(yield* files().recall("seen")).toBeUndefined()
      yield* files().remember("seen", "one")
      yield* files().remember("seen", "two")
      expect(yield* files().recall("seen")).toBe("two")
      expect(fs.statSync(path.join(folder, "state")).mode & 0o777).toBe(0o700)
      expect(fs.statSync(path.join(folder, "state", "seen.json")).mode & 0o777).toBe(0o600)
      expect(fs.readdirSync(path.join(folder, "state"))).toEqual(["seen.json"])
    }),
  )

  it.effect("what cannot be written is an error", () =>
    Effect.gen(function* () {
      fs.writeFileSync(path.join(folder, "state"), "")
      const error = yield* Effect.flip(files().remember("seen", "one"))
      expect(error.message).toContain("what is to be remembered as seen")
    }),
  )
})

describe("directories of clusters", () => {
  it.effect("are made below the data folder, once", () =>
    Effect.gen(function* () {
      yield* files().makeClusterDirectory("sw_1_0")
      yield* files().makeClusterDirectory("sw_1_0")
      expect(fs.statSync(path.join(folder, "data", "sw_1_0")).isDirectory()).toBe(true)
    }),
  )

  it.effect.each(["../out", "a/b", "", ".", "/etc"])("never elsewhere: %s", (name) =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(files().makeClusterDirectory(name))).message).toContain("not the name of a cluster")
    }),
  )

  it.effect("a link in the way is not followed", () =>
    Effect.gen(function* () {
      fs.symlinkSync(folder, path.join(folder, "data", "sw_1_0"))
      expect((yield* Effect.flip(files().makeClusterDirectory("sw_1_0"))).message).toContain("is no directory")
    }),
  )
})
