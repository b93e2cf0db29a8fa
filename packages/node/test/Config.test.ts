/**
 * Protects what an operator writes: the smallest file is enough, whatever is wrong is told with its place and what was expected, and
 * no message holds a secret.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { readConfig } from "../src/Config.ts"

let folder: string
const file = () => path.join(folder, "node.yaml")
const read = (text: string, env: Record<string, string> = {}) => {
  fs.writeFileSync(file(), text)
  return readConfig(file(), env)
}
const smallest = "mysql: 127.0.0.1:9306\ncluster: c\n"

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-config-"))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

describe("a file that is right", () => {
  it.effect("needs a listener and a cluster, and nothing else", () =>
    Effect.gen(function* () {
      expect(yield* read(smallest)).toEqual({ mysql: "127.0.0.1:9306", cluster: "c", engine: defaultEngineConfig })
    }),
  )

  it.effect("changes the engine's settings by their names", () =>
    Effect.gen(function* () {
      const { engine } = yield* read(
        `${smallest.replace("cluster: c", "cluster: mine")}engine: {gracePeriod: 5m, maxParallelSteps: 8, maxAwayShare: 0.5, autoRebalance: false}\n`,
      )
      expect(engine).toEqual({
        ...defaultEngineConfig,
        coordination: "mine",
        gracePeriod: Duration.minutes(5),
        maxParallelSteps: 8,
        maxAwayShare: 0.5,
        autoRebalance: false,
      })
    }),
  )

  it.effect("knows the original helper by its address or its command, and the token of admin HTTP from a file", () =>
    Effect.gen(function* () {
      fs.writeFileSync(path.join(folder, "secret"), "swordfish\n")
      const { admin, sql } = yield* read(`${smallest}sql: {upstream: 127.0.0.1:5}\nadmin: {tokenFile: secret}\n`)
      expect([admin, sql]).toEqual([{ token: "swordfish" }, { upstream: "127.0.0.1:5" }])
      const other = yield* read(
        `${smallest}sql: {listen: "127.0.0.1:0", upstream: [executor, main.php], users: [ann]}\n`,
      )
      expect(other.sql).toEqual({ listen: "127.0.0.1:0", upstream: ["executor", "main.php"], users: ["ann"] })
    }),
  )

  it.effect("gives way to the environment, and takes secrets from files beside it", () =>
    Effect.gen(function* () {
      fs.writeFileSync(path.join(folder, "secret"), "swordfish\n")
      const config = yield* read(`${smallest}tokenFile: secret\n`, {
        SHARDWRIGHT_MYSQL: "10.0.0.1:9307",
        SHARDWRIGHT_PASSWORD_FILE: path.join(folder, "secret"),
        SHARDWRIGHT_LOG_FORMAT: "json",
        SHARDWRIGHT_CLUSTER: "",
      })
      expect(config).toMatchObject({
        mysql: "10.0.0.1:9307",
        cluster: "c",
        token: "swordfish",
        password: "swordfish",
        log: { format: "json" },
      })
    }),
  )
})

describe("a file that is wrong", () => {
  it.effect.each<[string, RegExp]>([
    ["mysql: 127.0.0.1\ncluster: c\n", /^\S+:1:1: mysql: expected an address host:port/],
    ["cluster: c\n", /^\S+:1:1: mysql: .*[Mm]issing/],
    [`${smallest}clusters: d\n`, /^\S+:3:1: clusters: /],
    [
      `${smallest}engine:\n  gracePeriod: 60\n`,
      /^\S+:4:3: engine\.gracePeriod: expected a length of time with its unit/,
    ],
    [`${smallest}engine:\n  maxAwayShare: -1\n`, /^\S+:4:3: engine\.maxAwayShare: expected a number above zero/],
    [`${smallest}log: {format: xml}\n`, /^\S+:3:7: log\.format: expected json or pretty/],
    [`${smallest}cluster: d\n`, /^\S+:3:1: .*unique/],
    [`${smallest}sql:\n  listen: 10.0.0.1:0\n`, /^\S+:4:3: sql.listen: .*this is for the own machine/],
    [
      `${smallest}sql:\n  upstream: 7\n`,
      /^\S+:4:3: sql.upstream: expected the address host:port of the original helper/,
    ],
    [`${smallest}admin: {token: a, tokenFile: b}\n`, /^\S+:3:19: admin.tokenFile: token is there as well/],
    [`${smallest}otlp: {url: here}\n`, /^\S+:3:8: otlp.url: expected the address of a collector/],
    [`${smallest}listen: 10.0.0.1:19312\n`, /^\S+:3:1: listen: .*a token is needed; add tokenFile/],
    [`${smallest}token: a\ntokenFile: b\n`, /^\S+:4:1: tokenFile: token is there as well/],
    ["- a\n", /^\S+:1:1: /],
    ["", /mysql: .*[Mm]issing[^]*cluster: .*[Mm]issing/],
  ])("%j", ([text, message]) =>
    Effect.gen(function* () {
      expect((yield* Effect.flip(read(text))).message).toMatch(message)
    }),
  )

  it.effect("names the variable that is wrong, and the file that is missing", () =>
    Effect.gen(function* () {
      const wrong = yield* Effect.flip(read(smallest, { SHARDWRIGHT_MYSQL: "nowhere" }))
      expect(wrong.message).toMatch(/^the variable SHARDWRIGHT_MYSQL: mysql: expected an address/)
      const missing = yield* Effect.flip(readConfig(path.join(folder, "none.yaml"), {}))
      expect(missing.message).toMatch(/none\.yaml cannot be read .*name the file with --config/)
      const secret = yield* Effect.flip(read(`${smallest}passwordFile: none\n`))
      expect(secret.message).toMatch(/^passwordFile: none cannot be read/)
    }),
  )

  it.effect("never tells a secret", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(`${smallest}password: [swordfish]\ntoken: {a: swordfish}\n`))
      expect(error.message).toMatch(/password: expected a password[^]*token: expected a secret text/)
      expect(error.message).not.toContain("swordfish")
    }),
  )
})

describe("the files that come with it", () => {
  it.effect.each(["node.yaml", "container.yaml"])("%s can be used as it is", (name) =>
    Effect.gen(function* () {
      const config = yield* readConfig(path.join(import.meta.dirname, "..", "deploy", name), {})
      expect(config.daemon?.config).toBe("/etc/manticoresearch/manticore.conf")
    }),
  )
})
