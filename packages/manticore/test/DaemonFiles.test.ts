/**
 * Protects the files of a daemon: what they say of its clusters, as a real server writes them, and that a change of an entry leaves
 * everything else as it was. A slip here loses a cluster of a stopped node.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { changeEntries, emptyLists, readClusters, readState, restoreLists } from "../src/DaemonFiles.ts"

/** As the server writes it. */
const list = `{
"clusters":{"c":{
"nodes":["10.0.0.1:9312","10.0.0.2:9312"],
"cluster_epoch":1,
"user":"root"
},"sw_1_0":{
"indexes":["system.x_s0"],
"cluster_epoch":2,
"path":"sw_1_0",
"user":"root"
}},
"indexes":{"system.x_s0":{
"type":"rt",
"path":"system.x_s0"
}}
}`
const state = (uuid: string, seqno: number) =>
  `# GALERA saved state\nversion: 2.1\nuuid:    ${uuid}\nseqno:   ${seqno}\nsafe_to_bootstrap: 0\n`
const history = "814dbf87-e5ea-11f1-92b3-66ba019517bc"

let folder: string
const read = () => JSON.parse(fs.readFileSync(path.join(folder, "manticore.json"), "utf8"))

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-files-"))
  fs.writeFileSync(path.join(folder, "manticore.json"), list, { mode: 0o640 })
  fs.writeFileSync(path.join(folder, "grastate.dat"), state(history, 7))
  fs.mkdirSync(path.join(folder, "sw_1_0"))
  fs.writeFileSync(path.join(folder, "sw_1_0", "grastate.dat"), state(history, -1))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

describe("reading", () => {
  it("finds each cluster with its number, in its own folder", () => {
    expect(readClusters(folder)).toEqual([
      { name: "c", nodes: ["10.0.0.1:9312", "10.0.0.2:9312"], history, seqno: 7 },
      { name: "sw_1_0", nodes: [], history, seqno: null },
    ])
  })

  it("a fresh folder has none; a history that was given up is none", () => {
    fs.rmSync(path.join(folder, "manticore.json"))
    expect(readClusters(folder)).toEqual([])
    expect(readState(state("00000000-0000-0000-0000-000000000000", -1))).toEqual({ history: null, seqno: null })
    expect(readState(undefined)).toEqual({ history: null, seqno: null })
  })

  it("a list that is damaged is not taken for an empty one", () => {
    fs.writeFileSync(path.join(folder, "manticore.json"), list.slice(0, 40))
    expect(() => readClusters(folder)).toThrow("JSON")
  })
})

describe("changing", () => {
  it.each([
    ["begins", { _tag: "Begin" } as const, []],
    ["rejoins", { _tag: "Rejoin", peers: ["10.0.0.3:9312"] } as const, ["10.0.0.3:9312", "10.0.0.1:9312"]],
    ["is closed", { _tag: "Close", reason: "" } as const, ["10.0.0.1:9312", "127.0.0.1:9"]],
  ])("a cluster %s with another list of nodes, and nothing else is touched", (_, entry, nodes) => {
    const before = read()
    changeEntries(folder, "10.0.0.1:9312", new Map([["c", entry]]))
    expect(read()).toEqual({ ...before, clusters: { ...before.clusters, c: { ...before.clusters.c, nodes } } })
    expect(fs.statSync(path.join(folder, "manticore.json")).mode & 0o777).toBe(0o640)
    expect(fs.readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([])
  })

  it("only a cluster that begins may be begun by this node, whoever left last", () => {
    const safe = (at: string) =>
      /safe_to_bootstrap: (\d)/.exec(fs.readFileSync(path.join(folder, at, "grastate.dat"), "utf8"))?.[1]
    changeEntries(folder, "10.0.0.1:9312", new Map([["c", { _tag: "Rejoin", peers: ["10.0.0.3:9312"] }]]))
    expect([safe(""), safe("sw_1_0")]).toEqual(["0", "0"])
    changeEntries(folder, "10.0.0.1:9312", new Map([["sw_1_0", { _tag: "Begin" }]]))
    expect([safe(""), safe("sw_1_0")]).toEqual(["0", "1"])
    expect(readState(fs.readFileSync(path.join(folder, "grastate.dat"), "utf8"))).toEqual({ history, seqno: 7 })
  })

  it("a copy that is made anew has no history and no number", () => {
    changeEntries(folder, "10.0.0.1:9312", new Map([["c", { _tag: "Rejoin", peers: ["10.0.0.3:9312"], anew: true }]]))
    expect(readState(fs.readFileSync(path.join(folder, "grastate.dat"), "utf8"))).toEqual({
      history: null,
      seqno: null,
    })
    expect(readClusters(folder)[0]?.nodes).toEqual(["10.0.0.3:9312", "10.0.0.1:9312"])
  })

  it("one that is set aside is gone from the list, its tables stay", () => {
    changeEntries(folder, "10.0.0.1:9312", new Map([["sw_1_0", { _tag: "SetAside", reason: "" }]]))
    expect(Object.keys(read().clusters)).toEqual(["c"])
    expect(Object.keys(read().indexes)).toEqual(["system.x_s0"])
  })

  it("lists are put back after a start alone, with what the daemon wrote meanwhile", () => {
    const before = read()
    emptyLists(folder)
    expect(readClusters(folder).map(({ nodes }) => nodes)).toEqual([[], []])
    const meanwhile = read()
    meanwhile.clusters.c.cluster_epoch = 5
    fs.writeFileSync(path.join(folder, "manticore.json"), JSON.stringify(meanwhile))
    restoreLists(folder)
    restoreLists(folder)
    expect(read().clusters.c).toEqual({ ...before.clusters.c, cluster_epoch: 5 })
  })
})
