import * as NodeFs from "node:fs"
import * as NodeOs from "node:os"
import * as NodePath from "node:path"
import * as Duration from "effect/Duration"
import { afterAll, describe, expect, it } from "vitest"
import { loadScenarios } from "../../src/scenario/ScenarioFile.ts"
import { printProblem } from "../../src/scenario/ScenarioProblem.ts"

const folder = NodeFs.mkdtempSync(NodePath.join(NodeOs.tmpdir(), "composition-"))
afterAll(() => NodeFs.rmSync(folder, { recursive: true }))

const head = (name: string) => `shardwright: 1\nname: ${name}\nabout: A case.\ncluster: {nodes: 3}\n`

/** Writes the files into a folder of their own and reads the scenarios there. */
const load = (files: Readonly<Record<string, string>>, set: Readonly<Record<string, string>> = {}) => {
  const own = NodeFs.mkdtempSync(NodePath.join(folder, "case-"))
  for (const [name, text] of Object.entries(files)) {
    NodeFs.mkdirSync(NodePath.dirname(NodePath.join(own, name)), { recursive: true })
    NodeFs.writeFileSync(NodePath.join(own, name), text)
  }
  const { scenarios, problems } = loadScenarios([own], { set: new Map(Object.entries(set)) })
  return {
    scenarios: scenarios.map(({ scenario }) => scenario),
    problems: problems.map((problem) => printProblem(problem).replaceAll(`${own}/`, "")),
  }
}

const pieces = {
  "_kills.yaml":
    'parameters: [{name: node, type: text, default: n1}, {name: outage, type: duration, default: 5s}]\ntimeline: [{at: 1s, kill: "${node}", for: "${outage}"}]\nexpect: {final: [{count: lost, is: 0}], thresholds: {moves: = 0}}\nsettings: {gracePeriod: 10s, idleTick: 1s}\n',
}

describe("files that include others", () => {
  it("take over their blocks before their own, and keep their own settings and thresholds", () => {
    const { scenarios, problems } = load({
      ...pieces,
      "a.yaml": `${head("a")}include: [{file: _kills.yaml, with: {node: n2}}, _kills.yaml]\ntimeline: [{at: 2s, kill: n3}]\nexpect: {final: [{table: t, is: absent}], thresholds: {moves: <= 4}}\ntables: [{name: t, shards: 1, rf: 1}]\nsettings: {idleTick: 3s}\n`,
    })
    expect(problems).toEqual([])
    const [scenario] = scenarios
    expect(scenario?.timeline.map(({ act }) => "node" in act && act.node)).toEqual(["n2", "n1", "n3"])
    expect(scenario?.expect.final.map(({ _tag }) => _tag)).toEqual(["Count", "Count", "TableIs"])
    expect(scenario?.expect.thresholds).toEqual([{ measure: "moves", is: "<=", value: 4 }])
    expect(scenario?.settings).toEqual({ gracePeriod: Duration.seconds(10), idleTick: Duration.seconds(3) })
  })

  it("are told their mistakes where they are written", () => {
    const { problems } = load({
      "deep/_piece.yaml": "timeline:\n  - {at: 1s, kil: n1}\n  - {at: 1s, kill: n9}\n",
      "a.yaml": `${head("a")}include: [deep/_piece.yaml]\ntimeline:\n  - {at: 1s, stop: n8}\n`,
    })
    expect(problems.map((problem) => problem.split("\n")[0])).toEqual([
      'a.yaml:7:20: there is no node "n8"',
      "deep/_piece.yaml:2:14: unknown key `kil`",
      'deep/_piece.yaml:3:20: there is no node "n9"',
    ])
  })

  it("are told of files that include each other, are not there, or are no blocks", () => {
    const { problems } = load({
      "_a.yaml": "include: [_b.yaml]\n",
      "_b.yaml": "include: [_a.yaml]\n",
      "_list.yaml": "- 1\n",
      "_other.yaml": "cluster: {nodes: 3}\n",
      "_broken.yaml": "timeline: [\n",
      "a.yaml": `${head("a")}include: [_a.yaml, _none.yaml, _list.yaml, _other.yaml, _broken.yaml, {file: _a.yaml, with: {x: 1}}]\n`,
    })
    expect(problems.map((problem) => problem.split("\n")[0])).toEqual([
      "a.yaml:5:20: _none.yaml cannot be read: there is no such file",
      "a.yaml:5:32: _list.yaml is a list",
      'a.yaml:5:94: _a.yaml has no parameter "x"',
      "_b.yaml:1:11: _a.yaml is included by itself: a.yaml > _a.yaml > _b.yaml > _a.yaml",
      "_broken.yaml:2:1: flow sequence in block collection must be sufficiently indented and end with a ]",
      "_other.yaml:1:1: `cluster` has no place in a file that is included",
    ])
  })
})

describe("parameters", () => {
  const text = `${head("a")}parameters: [{name: many, type: number, default: 2}, {name: pause, type: duration, default: 1s}]\ntables: [{name: t, shards: "\${many}", rf: 1}]\ntimeline: [{at: "\${pause}", sql: {node: n1, statement: "SELECT \${many}"}}]\n`

  it("are their defaults, unless they are set", () => {
    const small = load({ "a.yaml": text }).scenarios[0]
    expect(small?.tables[0]?.shards).toBe(2)
    expect(small?.timeline[0]?.act).toMatchObject({ statements: ["SELECT 2"] })
    const large = load({ "a.yaml": text }, { many: "40", pause: "5s" }).scenarios[0]
    expect(large?.tables[0]?.shards).toBe(40)
    expect(large?.timeline[0]?.when).toEqual({ _tag: "At", at: Duration.seconds(5) })
  })

  it("must be of their type, and declared by some scenario", () => {
    const first = (problems: ReadonlyArray<string>) => problems.map((problem) => problem.split("\n")[0])
    expect(first(load({ "a.yaml": text }, { many: "lots" }).problems)).toEqual([
      'a.yaml:5:14: the parameter many is "lots"',
    ])
    expect(first(load({ "a.yaml": text }, { mny: "3" }).problems)).toEqual([
      '--set mny:1:1: no scenario has a parameter "mny"',
    ])
  })
})
