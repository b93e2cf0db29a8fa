/** A world that is what a test says, for checkers: tables, clusters and records are put in place by hand. */
import { type Answer, ok } from "@shardwright/core/Answer"
import { defaultEngineConfig } from "@shardwright/core/EngineConfig"
import { queueTable, stateTable } from "@shardwright/core/Sql"
import type { OnStoreWrite, WriteOutcome } from "@shardwright/core/StoreCalls"
import { makeView } from "@shardwright/core/View"
import { expect } from "vitest"
import type { CheckContext, Checker, MakeChecker } from "../../src/check/Checker.ts"
import { StateWatcher } from "../../src/check/StateWatcher.ts"
import { EventQueue } from "../../src/runtime/EventQueue.ts"
import { ClientModel } from "../../src/workload/ClientModel.ts"
import type { ClusterView, SimulatedCluster, TableView } from "../../src/world/SimulatedCluster.ts"

type Row = ReadonlyMap<string, string | number | null>

const unused = (): never => {
  throw new Error("a checker must not act on the world")
}

/** Hosts n1, n2, … with what a test puts there. */
export class FakeWorld {
  readonly queue = new EventQueue()
  readonly #tables = new Map<
    string,
    Map<
      string,
      { kind: TableView["kind"]; cluster: string | undefined; rows: Map<bigint, Row>; agents: TableView["agents"] }
    >
  >()
  readonly #clusters = new Map<string, Array<ClusterView>>()
  readonly down = new Set<string>()
  readonly #names: ReadonlyArray<string>
  readonly #versions = new Map<string, number>()
  readonly world: SimulatedCluster
  readonly state: StateWatcher
  readonly clients = new Map<string, ClientModel>()
  readonly reports: Array<string> = []
  readonly #storeListeners: Array<OnStoreWrite> = []
  /** Since when each host is undisturbed; 0 by default. */
  readonly undisturbedSince = new Map<string, number | undefined>()
  #nextId = 1n

  constructor(hosts = 3) {
    this.#names = Array.from({ length: hosts }, (_, index) => `n${index + 1}`)
    for (const name of this.#names) this.#tables.set(name, new Map())
    this.world = {
      queue: this.queue,
      nodes: this.#names.map((name) => ({ name, address: `${name}:9312` })),
      addNode: unused,
      start: unused,
      kill: unused,
      stop: unused,
      pause: unused,
      resume: unused,
      isUp: (node) => !this.down.has(node),
      partition: unused,
      cut: unused,
      cutLinks: unused,
      mend: unused,
      heal: unused,
      makeDirectory: unused,
      removeDirectory: unused,
      connect: unused,
      slowStatements: unused,
      addFault: unused,
      shapeLink: unused,
      limitReplicationPorts: unused,
      setServerId: unused,
      unlistLog: unused,
      losesWrites: () => false,
      lacksRows: () => false,
      isAccepting: () => true,
      subscribe: unused,
      tables: (node) => [...(this.#tables.get(node) ?? [])].map(([name, table]) => ({ name, ...table })),
      clusters: (node) => (this.down.has(node) ? [] : (this.#clusters.get(node) ?? [])),
    }
    this.state = new StateWatcher(this.world)
  }

  /** Puts an rt table on a host; rows are ids, whose value is the id too, or pairs of id and value. */
  table(
    host: string,
    name: string,
    cluster: string | null,
    rows: ReadonlyArray<number | readonly [number, number]> = [],
  ): void {
    this.#tables.get(host)?.set(name, {
      kind: "rt",
      cluster: cluster ?? undefined,
      agents: [],
      rows: new Map(
        rows.map((row) =>
          typeof row === "number"
            ? [BigInt(row), new Map([["v", String(row)]])]
            : [BigInt(row[0]), new Map([["v", String(row[1])]])],
        ),
      ),
    })
  }

  /** Puts a wrapper on a host: per shard, the physical name and the hosts of its mirrors. */
  wrapper(host: string, name: string, shards: ReadonlyArray<readonly [string, ReadonlyArray<string>]>): void {
    const agents = shards.map(([table, hosts]) => hosts.map((mirror) => ({ address: `${mirror}:9312`, table })))
    this.#tables.get(host)?.set(name, { kind: "shard", cluster: undefined, agents, rows: new Map() })
  }

  remove(host: string, name: string): void {
    this.#tables.get(host)?.delete(name)
  }

  /** Makes hosts members of a replication cluster, all synced. */
  cluster(name: string, hosts: ReadonlyArray<string>, status = "primary", nodeState = "synced"): void {
    for (const host of hosts) {
      const view: ClusterView = {
        name,
        status,
        nodeState,
        size: hosts.length,
        members: hosts.map((member) => `${member}:9312`),
        tables: [],
      }
      this.#clusters.set(host, [...(this.#clusters.get(host) ?? []).filter((other) => other.name !== name), view])
    }
  }

  leaveCluster(name: string, host: string): void {
    this.#clusters.set(
      host,
      (this.#clusters.get(host) ?? []).filter((other) => other.name !== name),
    )
  }

  /** Commits a record on a host. Without a version it gets the next one. */
  commit(
    key: string,
    value: unknown,
    options: {
      readonly version?: number
      readonly nonce?: string
      readonly host?: string
      readonly term?: number
    } = {},
  ): void {
    const host = options.host ?? "n1"
    const version = options.version ?? (this.#versions.get(key) ?? 0) + 1
    this.#versions.set(key, Math.max(version, this.#versions.get(key) ?? 0))
    const name = key.startsWith("step/") ? queueTable : stateTable
    const tables = this.#tables.get(host)
    const table = tables?.get(name) ?? { kind: "rt" as const, cluster: "c", rows: new Map<bigint, Row>(), agents: [] }
    tables?.set(name, table)
    const id = this.#nextId++
    const row = new Map<string, string | number>([
      ["key", key],
      ["value", JSON.stringify(value)],
      ["version", String(version)],
      ["term", String(options.term ?? 0)],
      ["nonce", options.nonce ?? `${key} ${version}`],
      ["live", 1],
    ])
    table.rows.set(id, row)
    this.state.onCommit({ kind: "commit", node: host, cluster: "c", table: name, ids: [id] })
  }

  /** A store begins a write; what is answered is called with what its caller is told. */
  storeWrite(
    host: string,
    keys: ReadonlyArray<string>,
    version: number,
    nonce: string,
  ): (outcome: WriteOutcome) => void {
    const ended = this.#storeListeners.map((listener) => listener({ node: address(host), keys, version, nonce }))
    return (outcome) => {
      for (const listener of ended) listener(outcome)
    }
  }

  /** Registers hosts. */
  register(hosts: ReadonlyArray<string> = this.#names): void {
    this.commit("registry", {
      epoch: 1,
      nodes: Object.fromEntries(hosts.map((host) => [`${host}:9312`, { state: "active", zone: null, weight: 1 }])),
    })
  }

  get context(): CheckContext {
    return {
      world: this.world,
      state: this.state,
      config: defaultEngineConfig,
      clients: this.clients,
      foreign: new Set(),
      hostOf: (address) => this.#names.find((name) => address === `${name}:9312`),
      onStoreWrite: (listener) => this.#storeListeners.push(listener),
      undisturbedSinceMicros: (node) => (this.undisturbedSince.has(node) ? this.undisturbedSince.get(node) : 0),
      report: (checker, message) => this.reports.push(`${checker}: ${message}`),
    }
  }

  /** Makes a checker for this world. */
  check(make: MakeChecker): Checker {
    return make(this.context)
  }

  /** Tells a checker that a statement of the engine was answered. */
  answer(checker: Checker, host: string, sql: string, answer: Answer = ok()): void {
    checker.onEvent?.({ kind: "answer", node: host, sql, answer, from: host })
  }

  /** The records could all be read; a test with a wrong record would prove nothing. */
  expectSound(): void {
    expect(makeView([]).damaged).toEqual([])
    expect(this.state.view().damaged).toEqual([])
  }
}

/** Address of a host. */
export const address = (host: string): string => `${host}:9312`

/** Root record of a table. Each shard: group (null for RF 1) and hosts. */
export const tableRecord = (
  name: string,
  rf: number,
  shards: ReadonlyArray<readonly [string | null, ReadonlyArray<string>]>,
  changes: object = {},
): object => ({
  name,
  structure: "title text, v bigint",
  options: {},
  shards: shards.length,
  rf,
  generation: 1,
  status: "ready",
  layout: shards.map(([group, hosts], shard) => ({
    shard,
    physical: `system.${name}_s${shard}`,
    group,
    nodes: hosts.map(address),
  })),
  wrapper: { version: 1, mirrors: shards.map(([, hosts]) => hosts.map(address)) },
  operation: null,
  ...changes,
})

/** Record of a group. */
export const groupRecord = (
  name: string,
  hosts: ReadonlyArray<string>,
  shards: ReadonlyArray<readonly [string, number]>,
  changes: object = {},
): object => ({
  name,
  rf: hosts.length,
  status: "live",
  members: hosts.map(address),
  inSync: hosts.map(address),
  exiled: [],
  leaving: [],
  lastPrimary: hosts.map(address),
  shards: shards.map(([table, shard]) => ({ table, shard, physical: `system.${table}_s${shard}` })),
  detached: [],
  epoch: 1,
  operation: null,
  ...changes,
})

/** Record of an operation. */
export const operationRecord = (id: string, term: number, status: string, changes: object = {}): object => ({
  id,
  kind: "rebalance",
  table: null,
  status,
  term,
  undoing: false,
  steps: 2,
  tables: [],
  groups: [],
  request: null,
  reason: "",
  error: null,
  ...changes,
})

/** Record of a step. */
export const stepRecord = (operation: string, index: number, status: string, changes: object = {}): object => ({
  operation,
  index,
  node: address("n1"),
  step: { _tag: "CommitLayout" },
  dependsOn: [],
  status,
  tries: 0,
  claimedBy: status === "pending" ? null : "n1.1",
  undoes: null,
  error: null,
  ...changes,
})

/** Record of the lease. */
export const leaseRecord = (host: string, term: number): object => ({
  holder: address(host),
  incarnation: `${host}.1`,
  term,
  durationMs: 10_000,
  released: false,
})

/** A healthy cluster of three hosts with one table of RF 2 and two shards in one group, rows 1 to 4 acknowledged. */
export const healthy = (): FakeWorld => {
  const fake = new FakeWorld(3)
  fake.register()
  fake.commit(
    "table/t",
    tableRecord("t", 2, [
      ["g", ["n1", "n2"]],
      ["g", ["n1", "n2"]],
    ]),
  )
  fake.commit(
    "group/g",
    groupRecord(
      "g",
      ["n1", "n2"],
      [
        ["t", 0],
        ["t", 1],
      ],
    ),
  )
  fake.cluster("c", ["n1", "n2", "n3"])
  fake.cluster("g", ["n1", "n2"])
  for (const host of ["n1", "n2"]) {
    fake.table(host, "system.t_s0", "g", [1, 2])
    fake.table(host, "system.t_s1", "g", [3, 4])
    fake.table(host, "system.g_probe", "g", [])
  }
  for (const host of ["n1", "n2", "n3"])
    fake.wrapper(host, "t", [
      ["system.t_s0", ["n1", "n2"]],
      ["system.t_s1", ["n1", "n2"]],
    ])
  const model = new ClientModel("t")
  for (const id of [1, 2, 3, 4]) model.settle(id, { present: true, value: id }, "acknowledged", id, true)
  fake.clients.set("t", model)
  return fake
}
