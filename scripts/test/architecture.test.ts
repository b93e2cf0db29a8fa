/** Protects the rules that keep runs replayable and packages apart: each is shown to fail on a file that breaks it. */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { banProblems, sqlProblems } from "../architecture/bans.mjs"
import { layerProblems, manifestProblems } from "../architecture/layers.mjs"
import { parseSource } from "../architecture/syntax.mjs"

const messages = (rule: typeof banProblems, file: string, text: string) =>
  rule(parseSource(file, text)).map((problem) => problem.message)

const engine = "packages/core/src/Some.ts"
const world = "sim/src/world/Some.ts"

describe("real time, chance and asynchrony", () => {
  it.each([
    ["Date.now", "const now = Date.now()"],
    ["Date.now", 'const now = Date["now"]()'],
    ["new Date()", "const now = new Date()"],
    ["Date()", "const now = Date()"],
    ["Math.random", "const draw = Math.random()"],
    ["Math.random", "const { random } = Math"],
    ["setTimeout", "setTimeout(() => {}, 1)"],
    ["globalThis.setTimeout", "globalThis.setTimeout(() => {}, 1)"],
    ["setInterval", "const later = setInterval"],
    ["setImmediate", "const functions = { setImmediate }"],
    ["queueMicrotask", "queueMicrotask(() => {})"],
    ["performance", "const now = performance.now()"],
    ["node:perf_hooks", 'import { performance } from "node:perf_hooks"'],
    ["process.hrtime", "process.hrtime.bigint()"],
    ["crypto", "crypto.randomUUID()"],
    ["randomUUID of node:crypto", 'import { randomUUID } from "node:crypto"'],
    ["Promise", "const wait = Promise.resolve(1)"],
    ["Promise", "const wait = (value: Promise<number>) => value"],
    ["async function", "const wait = async () => 1"],
    ["async function", "class Waits { async wait() {} }"],
    ["await", "export {}; await 1"],
    ["import()", 'const later = () => import("effect/Effect")'],
    ["fetch", 'fetch("x")'],
    ["Effect.runSync", 'import * as Effect from "effect/Effect"\nEffect.runSync(Effect.void)'],
    ["Effect.runFork", 'import { Effect as E } from "effect"\nE.runFork(E.void)'],
    ["Effect.runPromiseExit", 'import * as Effect from "effect/Effect"\nconst { runPromiseExit } = Effect'],
    ["runCallback of effect/Effect", 'import { runCallback } from "effect/Effect"'],
    ["Effect.tryPromise", 'import * as Effect from "effect/Effect"\nEffect.tryPromise(() => later)'],
  ])("%s is refused: %s", (what, text) => {
    expect(messages(banProblems, engine, text)[0]).toMatch(`${what}: `)
    expect(messages(banProblems, world, text)[0]).toMatch(`${what}: `)
  })

  it.each([
    ["comments and strings", '// setTimeout\nconst says = "Date.now() and Promise"'],
    ["fields of the same name", "interface Has { setTimeout: number }\nexport const has = (it: Has) => it.setTimeout"],
    ["own names that hide a global", "export const call = (fetch: () => void) => fetch()"],
    ["dates of a given instant", "export const text = (at: number) => new Date(at).toISOString()"],
    ["other members", "export const highest = Math.max(1, 2)"],
    ["effects that nobody runs here", 'import * as Effect from "effect/Effect"\nexport const it = Effect.succeed(1)'],
  ])("%s are fine", (_, text) => {
    expect(messages(banProblems, engine, text)).toEqual([])
  })

  it("is refused in core and sim only, and not where a simulation is served or started", () => {
    const text = 'import * as Effect from "effect/Effect"\nEffect.runSync(Effect.void)\nsetTimeout(() => {}, 1)'
    expect(messages(banProblems, "packages/cli/src/main.ts", text)).toEqual([])
    expect(messages(banProblems, "sim/src/serve/Listener.ts", text)).toEqual([])
    expect(messages(banProblems, "sim/test/Some.test.ts", text)).toEqual([])
    expect(messages(banProblems, "sim/src/runtime/VirtualRuntime.ts", text)).toHaveLength(1)
    expect(messages(banProblems, "sim/src/server.ts", text)).toHaveLength(2)
  })

  it("has exceptions by file and name, no wider", () => {
    const text = "export const now = () => performance.now() + Math.random()"
    expect(messages(banProblems, "sim/src/run/RunScenario.ts", text)).toEqual([
      expect.stringMatching(/^Math\.random: /),
    ])
    expect(messages(banProblems, "sim/src/run/Other.ts", text)).toHaveLength(2)
  })

  it("is reported with its place", () => {
    const [problem] = banProblems(parseSource(engine, "export const a = 1\nexport const b = Date.now()"))
    expect(problem).toMatchObject({ file: engine, line: 2, column: 18 })
  })
})

describe("SQL as text", () => {
  it.each([
    '"SELECT id FROM t LIMIT 1"',
    "`SELECT * FROM ${table} LIMIT 1`",
    "`INSERT INTO ${table} (id) VALUES (1)`",
    '"REPLACE INTO t VALUES (1)"',
    '"UPDATE t SET a=1 WHERE id=1"',
    "`DELETE FROM ${table} WHERE id=1`",
    "`CREATE TABLE ${table} (id bigint)`",
    "`CREATE CLUSTER ${name}`",
    "`CREATE CLUSTER ${name} 'x' AS path`",
    '"DROP TABLE IF EXISTS t"',
    "`ALTER CLUSTER ${cluster} ADD ${table}`",
    '"ALTER CLUSTER c UPDATE nodes"',
    "`JOIN CLUSTER ${name} AT '${address}'`",
    "\"SHOW STATUS LIKE 'cluster_%'\"",
    '"SHOW TABLES"',
    '"SET GLOBAL x=1"',
    "`SHOW CREATE TABLE ${table}`",
  ])("%s is refused", (literal) => {
    expect(messages(sqlProblems, engine, `export const sql = (...a) => ${literal}`)).toHaveLength(1)
  })

  it.each([
    '"CREATE TABLE"',
    '"CREATE CLUSTER took no effect"',
    '"ALTER CLUSTER UPDATE nodes"',
    '"JOIN CLUSTER"',
    "`dropped ${table}`",
    '"Select a node from the list"',
    '"DROP TABLE answers as soon as no wrapper shows it"',
  ])("%s is a message", (literal) => {
    expect(messages(sqlProblems, engine, `export const text = (...a) => ${literal}`)).toEqual([])
  })

  it("is at home in one module of the engine, and in the simulated server", () => {
    const text = 'export const sql = "SHOW TABLES"'
    expect(messages(sqlProblems, "packages/core/src/Sql.ts", text)).toEqual([])
    expect(messages(sqlProblems, "sim/src/world/sql/Parse.ts", text)).toEqual([])
    expect(messages(sqlProblems, "packages/cli/src/main.ts", text)).toHaveLength(1)
  })
})

describe("the direction of dependencies", () => {
  it.each([
    [engine, 'import "@shardwright/sim/run/Trace"'],
    [engine, 'import type { Pool } from "@shardwright/manticore/Pool"'],
    [engine, 'export * from "@shardwright/node/Agent"'],
    [engine, 'export type A = import("@shardwright/cli/main").A'],
    [engine, 'import "node:fs"'],
    [engine, 'import "pure-rand"'],
    [engine, 'import "../../../sim/src/run/Trace.ts"'],
    ["packages/core/test/Some.test.ts", 'import "@shardwright/sim/run/Trace"'],
    [world, 'import "@shardwright/manticore/Pool"'],
    [world, 'import "@shardwright/cli/main"'],
    ["packages/manticore/src/Pool.ts", 'import "@shardwright/node/Agent"'],
    ["packages/node/src/Agent.ts", 'import "@shardwright/sim/run/Trace"'],
  ])("%s must not: %s", (file, text) => {
    expect(messages(layerProblems, file, text)).toHaveLength(1)
  })

  it.each([
    [engine, 'import * as Effect from "effect/Effect"\nimport "./Sql.ts"\nimport "@shardwright/core/Sql"'],
    ["packages/core/test/Some.test.ts", 'import { it } from "vitest"\nimport "node:fs"\nimport "../src/Sql.ts"'],
    [world, 'import "@shardwright/core/Sql"\nimport "yaml"\nimport "node:fs"'],
    ["packages/cli/src/main.ts", 'import "@shardwright/sim/run/Trace"\nimport "@shardwright/node/Agent"'],
    ["test/conformance.test.ts", 'import "@shardwright/sim/run/Trace"'],
  ])("%s may: %s", (file, text) => {
    expect(messages(layerProblems, file, text)).toEqual([])
  })

  it("holds for package.json too", () => {
    expect(manifestProblems("packages/core/package.json", { dependencies: { effect: "", mysql2: "" } })).toHaveLength(1)
    expect(manifestProblems("packages/core/package.json", { devDependencies: { vitest: "" } })).toEqual([])
    const usesManticore = { devDependencies: { "@shardwright/manticore": "" } }
    expect(manifestProblems("sim/package.json", usesManticore)).toHaveLength(1)
  })
})

describe("the command", () => {
  const script = path.resolve(import.meta.dirname, "../check-architecture.mjs")
  const check = (files: Record<string, string>) => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), "architecture "))
    try {
      for (const [file, text] of Object.entries(files)) {
        fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
        fs.writeFileSync(path.join(root, file), text)
      }
      return spawnSync(process.execPath, [script, root], { encoding: "utf8" })
    } finally {
      fs.rmSync(root, { recursive: true, force: true })
    }
  }

  it("fails on a bad file and says where", () => {
    const { status, stdout } = check({
      "sim/src/Good.ts": "export {}",
      "sim/src/a/Bad.ts": "\nsetTimeout(() => {}, 1)",
    })
    expect(stdout).toMatch(/^sim\/src\/a\/Bad\.ts:2:1 setTimeout: simulated code has virtual time only/)
    expect(status).toBe(1)
  })

  it("passes good files, and fails when it found none to check", () => {
    expect(check({ "sim/src/Good.ts": "export {}" }).status).toBe(0)
    expect(check({}).status).toBe(1)
  })
})
