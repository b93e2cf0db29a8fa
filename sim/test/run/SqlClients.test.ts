/** SQL by hand: what is expected of answers is judged strictly, and connections keep their order. */
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { runScenario } from "../../src/run/RunScenario.ts"
import type { ScenarioResult } from "../../src/run/ScenarioResult.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"
import { printProblems } from "../../src/scenario/ScenarioProblem.ts"

const run = (timeline: ReadonlyArray<string>): ScenarioResult => {
  const entries = timeline.map((entry) => `  - {${entry}}\n`).join("")
  const text = `shardwright: 1\nname: case\nabout: A case.\nengine: none\ncluster: {nodes: 2}\ntimeline:\n${entries}`
  const loaded = loadScenario(text, "case.yaml")
  if (Result.isFailure(loaded)) throw new Error(printProblems(loaded.failure))
  return runScenario(loaded.success, { seed: 1, checkDeterminism: true })
}

const made =
  'at: 0s, sql: {node: n1, statement: ["CREATE TABLE t (v bigint)", "INSERT INTO t (id,v) VALUES (1,7),(2,8)"]}'
const ask = (statement: string, expected: string): string =>
  `at: 1s, sql: {node: n1, statement: "${statement}", timeout: 5s, expect: ${expected}}`

describe("what a statement is to answer", () => {
  it.each([
    ["SELECT id,v FROM t", "ok"],
    ["SELECT id,v FROM t", "{rows: 2}"],
    ["SELECT id,v FROM t", "{rows: [[1, 7], ['2', '8']]}"],
    ["SELECT id,v FROM t", "{answer: ok, takes: {atMost: 10ms}}"],
    ["UPDATE t SET v=9 WHERE id=1", "{affected: 1}"],
    ["INSERT INTO t (id,v) VALUES (1,1)", "{message: duplicate id '1', errno: 1064}"],
    ["INSERT INTO t (id,v) VALUES (1,1)", "{error: duplicate}"],
    ["JOIN CLUSTER c AT '{n2}'", "error"],
  ])("holds: %s answers %s", (statement, expected) => {
    expect(run([made, ask(statement, expected)]).expectations).toMatchObject([{ held: true }])
  })

  it.each([
    ["SELECT id,v FROM t", "error"],
    ["SELECT id,v FROM t", "{rows: 3}"],
    ["SELECT id,v FROM t", "{rows: [[2, 8], [1, 7]]}"],
    ["SELECT id,v FROM t", "{answer: ok, takes: {atLeast: 1s}}"],
    ["SELECT id,v FROM t", "no-answer"],
    ["SELECT id,v FROM t", "disconnected"],
    ["UPDATE t SET v=9 WHERE id=1", "{affected: 2}"],
    ["INSERT INTO t (id,v) VALUES (1,1)", "{message: duplicate}"],
    ["INSERT INTO t (id,v) VALUES (1,1)", "{error: duplicate, errno: 1}"],
    ["INSERT INTO t (id,v) VALUES (1,1)", "ok"],
  ])("fails the scenario: %s answers %s", (statement, expected) => {
    const result = run([made, ask(statement, expected)])
    expect(result.expectations).toMatchObject([{ held: false }])
    expect(result.class).toBe("correctness")
  })

  it("tells an answer that does not come from a connection that is refused", () => {
    const paused = run([made, "at: 500ms, pause: n1", ask("SELECT id FROM t", "no-answer")])
    const killed = run([made, "at: 500ms, kill: n1", ask("SELECT id FROM t", "disconnected")])
    expect([...paused.expectations, ...killed.expectations]).toMatchObject([{ held: true }, { held: true }])
  })
})

describe("connections", () => {
  it("keep the order of their statements, and do not wait for each other", () => {
    const result = run([
      made,
      "at: 1s, slow: {statement: '(3,', by: 2s}",
      'at: 1s, sql: {node: n1, statement: "INSERT INTO t (id) VALUES (3,1)", as: slow}',
      'at: 1s, sql: {node: n1, statement: "INSERT INTO t (id,v) VALUES (3,1)", as: slow}',
      'at: 1s, sql: {node: n1, statement: "INSERT INTO t (id,v) VALUES (4,1)", as: slow}',
      'at: 1s, sql: {node: n1, statement: "INSERT INTO t (id,v) VALUES (5,1)"}',
      "at: 2s, check: {node: n1, table: t, ids: [1, 2, 5]}",
      "at: 9s, check: {node: n1, table: t, ids: [1, 2, 3, 4, 5]}",
    ])
    expect(result.expectations).toMatchObject([{ held: true }, { held: true }])
  })
})

describe("streams", () => {
  it("remember what was acknowledged, and look for it where it is asked for", () => {
    const result = run([
      made,
      'at: 1s, stream: {name: w, node: n1, table: t, statement: "INSERT INTO t (id,v) VALUES ({id},{round})", from: 10, every: 100ms, connections: 2, until: 2s}',
      'at: 1s, stream: {name: again, node: n1, table: t, statement: "INSERT INTO t (id) VALUES ({id})", until: 1100ms}',
      'at: 3s, sql: {node: n1, statement: "DELETE FROM t WHERE id=12"}',
      "at: 4s, check: {stream: w, acknowledged: {is: 20}}",
      "at: 4s, check: {stream: w, missing: {on: n1, is: 1}}",
      "at: 4s, check: {stream: w, missing: {on: n2, is: 20}}",
      "at: 4s, check: {stream: again, refused: {is: 2}}",
      "at: 4s, check: {stream: again, refusedButStored: {on: n1, is: 2}}",
      'at: 4s, sql: {node: n1, statement: "SELECT v FROM t WHERE id=29", expect: {rows: [[10]]}}',
    ])
    expect(result.expectations.filter((expectation) => !expectation.held)).toEqual([])
    expect(result.expectations).toHaveLength(6)
    expect(result.stats).toMatchObject({ acknowledged: 20, refused: 2, unknown: 0 })
  })
})

describe("fill", () => {
  it("inserts every row once, and says which batch failed", () => {
    const result = run([
      made,
      "at: 1s, fill: {node: n1, table: t, from: 3, to: 12, batch: 4}",
      "at: 2s, check: {node: n1, table: t, rows: {is: 12}}",
      "at: 3s, fill: {node: n1, table: t, from: 12, to: 13}",
    ])
    expect(result.expectations).toMatchObject([
      { held: true },
      { held: false, name: "rows 12 to 13 of t are inserted on n1" },
    ])
  })
})
