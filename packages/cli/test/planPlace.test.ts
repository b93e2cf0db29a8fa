import { describe, expect, it } from "vitest"
import { planPlaceText, runPlanPlace } from "../src/commands/planPlace.ts"

const at = (input: unknown) => runPlanPlace(JSON.stringify(input), "in.json", () => 0)

const errorOf = (text: string): string => {
  const result = runPlanPlace(text, "in.json")
  return "error" in result ? result.error : "no error"
}

const outputOf = (input: unknown) => {
  const result = at(input)
  if ("error" in result) throw new Error(result.error)
  return result.output
}

const nodes = ["a", "b", "c"].map((name) => ({ name, state: "active" }))
const tables = [{ name: "t", shards: 3, rf: 2 }]

describe("answers", () => {
  it("has the shape of the contract", () => {
    expect(outputOf({ nodes, tables })).toEqual({
      layout: [
        { table: "t", shard: 0, group: "g1", nodes: ["a", "b"] },
        { table: "t", shard: 1, group: "g2", nodes: ["a", "c"] },
        { table: "t", shard: 2, group: "g3", nodes: ["b", "c"] },
      ],
      moves: [],
      removals: [],
      minimumMoves: 0,
      groups: 3,
      maxGroupsPerNode: 2,
      spread: { t: 0 },
      unplaceable: [],
      wallMs: 0,
    })
  })

  it("reports an RF above the number of nodes as unplaceable", () => {
    const output = outputOf({ nodes, tables: [{ name: "t", shards: 1, rf: 4 }] })
    expect(output.unplaceable).toEqual([{ table: "t", shard: 0, reason: "needs 4 active nodes, there are 3" }])
    expect(output.layout).toEqual([])
  })

  it("takes a layout, groups per node, and null for what is not there", () => {
    const { layout } = outputOf({ nodes, tables, groupsPerNode: 2 })
    const grown = outputOf({ nodes: [...nodes, { name: "d", zone: null }], tables, layout, groupsPerNode: 2 })
    expect([grown.moves.length, grown.minimumMoves]).toEqual([1, 1])
    const single = [{ table: "s", shard: 0, group: null, nodes: ["a"] }]
    const drained = outputOf({
      nodes: [{ name: "a", state: "draining" }, { name: "b" }],
      tables: [{ name: "s", shards: 1, rf: 1 }],
      layout: single,
    })
    expect(drained.moves.map(({ from, to }) => [from, to])).toEqual([["a", "b"]])
  })

  it("places as the existing orchestrator does, and keeps to capacities in bytes", () => {
    const buddy = outputOf({ nodes, tables: [{ name: "t", shards: 2, rf: 2, placement: "buddy" }] })
    expect(buddy.layout.map((row) => row.nodes.join(" "))).toEqual(["a c", "a b"])
    const layout = [0, 1, 2].map((shard) => ({ table: "s", shard, group: null, nodes: ["a"], bytes: 10 }))
    const full = [
      { name: "a", capacityBytes: 25 },
      { name: "b", capacityBytes: 5 },
    ]
    const output = outputOf({ nodes: [...full, { name: "c" }], tables: [{ name: "s", shards: 3, rf: 1 }], layout })
    expect(output.layout.filter((row) => row.nodes.includes("b"))).toEqual([])
    expect(output.layout.filter((row) => row.nodes.includes("a")).length).toBeLessThanOrEqual(2)
  })

  it("reads well", () => {
    const { layout } = outputOf({ nodes, tables })
    const output = outputOf({
      nodes: [...nodes.slice(0, 2), { name: "c", state: "away" }, { name: "d" }],
      tables: [...tables, { name: "wide", shards: 2, rf: 4 }],
      layout,
    })
    expect(planPlaceText(output)).toMatchInlineSnapshot(`
      [
        "a  2 replicas in 2 groups",
        "b  2 replicas in 2 groups",
        "d  2 replicas in 2 groups",
        "",
        "t: 3 shards; nodes differ by 0 replicas",
        "wide: 0 shards; nodes differ by 0 replicas",
        "3 replica groups, at most 2 on a node",
        "",
        "2 shard replicas to move; 2 at least",
        "  g2: c → d, 1 shard: c is away",
        "  g3: c → d, 1 shard: c is away",
        "",
        "Not placed as asked:",
        "  2 shards of wide: needs 4 active nodes, there are 3",
      ]
    `)
    expect(planPlaceText(outputOf({ nodes: [], tables: [] }))).toMatchInlineSnapshot(`
      [
        "Nothing is placed.",
        "",
        "",
        "Nothing moves.",
      ]
    `)
  })
})

describe("mistakes", () => {
  it.each([
    ['{"nodes": [],\n "tables": [}', 'in.json:2:13: not JSON: expected a value, found "}"'],
    [
      '{"nodes": [],}',
      'in.json:1:14: not JSON: expected the name of a field in double quotes (there is no "," after the last one), found "}"',
    ],
    ['{"nodes": [] "tables": []}', 'in.json:1:14: not JSON: expected "," or "}", found "\\""'],
    ["", "in.json:1:1: not JSON: expected a value, found the end of the text"],
    ["[1, 2", 'in.json:1:6: not JSON: expected "," or "]", found the end of the text'],
    ["{} {}", 'in.json:1:4: not JSON: expected nothing more after the end of the document, found "{"'],
    ["nodes: []", 'in.json:1:1: not JSON: expected a value, found "nodes"'],
    ["[]", "in.json:1:1: the document: expected object, found []"],
  ])("of syntax: %s", (text, message) => expect(errorOf(text)).toBe(message))

  const valid = {
    nodes,
    tables,
    layout: [{ table: "t", shard: 0, group: "g1", nodes: ["a", "b"] }],
  }
  it.each([
    [{ tables }, "nodes: is missing; expected a list of nodes"],
    [{ ...valid, node: [] }, "node: unknown field; expected one of nodes, tables, layout, groupsPerNode, groupBudget"],
    [
      { ...valid, nodes: [{ name: "a", wieght: 1 }] },
      "nodes[0].wieght: unknown field; expected one of name, zone, weight, state, capacity, capacityBytes",
    ],
    [
      { ...valid, nodes: [{ name: "a", state: "up" }] },
      'nodes[0].state: expected "active" | "maintenance" | "draining" | "away", found "up"',
    ],
    [{ ...valid, nodes: [{ name: "a", weight: 0 }] }, "nodes[0].weight: expected a number above 0, found 0"],
    [{ ...valid, nodes: [{ name: "" }] }, 'nodes[0].name: expected a name that is not empty, found ""'],
    [{ ...valid, nodes: [...nodes, { name: "b" }] }, 'nodes[3].name: "b" is already the name of nodes[1]'],
    [
      { ...valid, tables: [{ name: "t", shards: -1, rf: 1 }] },
      "tables[0].shards: expected a whole number of at least 0, found -1",
    ],
    [
      { ...valid, tables: [{ name: "t", shards: 1.5, rf: 1 }] },
      "tables[0].shards: expected a whole number of at least 0, found 1.5",
    ],
    [
      { ...valid, tables: [{ name: "t", shards: 1, rf: 0 }] },
      "tables[0].rf: expected a whole number of at least 1, found 0",
    ],
    [{ ...valid, tables: [{ name: "t", shards: 1, rf: "2" }] }, 'tables[0].rf: expected number, found "2"'],
    [
      { ...valid, tables: [{ name: "t", shards: 1 }] },
      "tables[0].rf: is missing; expected a whole number of at least 1, the copies of each shard",
    ],
    [{ ...valid, tables: [...tables, ...tables] }, 'tables[1].name: "t" is already the name of tables[0]'],
    [
      { nodes, tables: [{ name: "t", shards: 1e9, rf: 1 }] },
      "tables: expected at most 2 000 000 shards in all tables together, found 1 000 000 000",
    ],
    [
      { ...valid, layout: [{ table: "u", shard: 0, group: null, nodes: [] }] },
      'layout[0].table: "u" is not among the tables; expected "t"',
    ],
    [
      { ...valid, layout: [{ table: "t", shard: 3, group: null, nodes: [] }] },
      'layout[0].shard: there is no shard 3 of "t"; expected 0 to 2',
    ],
    [
      { ...valid, layout: [...valid.layout, ...valid.layout] },
      'layout[1].shard: shard 0 of "t" is already in layout[0]',
    ],
    [
      { ...valid, layout: [{ table: "t", shard: 0, group: "g", nodes: ["a", "x"] }] },
      'layout[0].nodes[1]: "x" is not among the nodes; a node that is gone for good is listed with the state away',
    ],
    [
      { ...valid, layout: [{ table: "t", shard: 0, group: "g", nodes: ["a", "a"] }] },
      'layout[0].nodes[1]: "a" is there twice; expected distinct nodes',
    ],
    [{ ...valid, groupsPerNode: 0 }, "groupsPerNode: expected a whole number of at least 1, found 0"],
  ])("of content: %j", (input, message) => {
    const [place, ...rest] = errorOf(JSON.stringify(input)).split(/(?<=:\d+): /)
    expect(place).toMatch(/^in\.json:1:\d+$/)
    expect(rest.join("")).toBe(message)
  })

  it("are all told, each with its place", () => {
    const text =
      '{\n  "nodes": [\n    {"name": "a", "stat": "active"},\n    {"name": 7}\n  ],\n  "tables": [\n    {"name": "t", "shards": 1}\n  ]\n}'
    expect(
      errorOf(text)
        .split("\n")
        .map((line) => line.split(": ").slice(0, 2).join(": ")),
    ).toEqual(["in.json:3:19: nodes[0].stat", "in.json:4:14: nodes[1].name", "in.json:7:5: tables[0].rf"])
  })

  it("are cut when there are many", () => {
    const many = { nodes: Array.from({ length: 30 }, () => ({ name: "a" })), tables: [] }
    expect(errorOf(JSON.stringify(many)).split("\n").at(-1)).toBe("and 9 more mistakes")
  })
})
