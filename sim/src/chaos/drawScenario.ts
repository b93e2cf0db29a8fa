/**
 * Draws a scenario from a seed: an installation, tables, writers, operations, and faults within a budget. The result is a
 * scenario like any other, so whatever fails can be written to a file, replayed and made smaller.
 *
 * The budget: at any moment at most one node is disturbed (of 5 or more: two that share no group are still one minority,
 * but the simple rule is kept), every fault ends before the next begins, and the network is whole at the end.
 */
import * as Duration from "effect/Duration"
import { RandomStream } from "../runtime/RandomStream.ts"
import type { Act, Scenario, TableSpec, TimelineEntry, Trigger, Workload } from "../scenario/Scenario.ts"
import type { FaultKind, Profile, Range } from "./Profile.ts"

const structure = "title text, v bigint"

const drawRange = (random: RandomStream, range: Range): number => random.int(range.min, range.max)

const at = (ms: number): Trigger => ({ _tag: "At", at: Duration.millis(Math.round(ms)) })

/** The moment of an entry whose moment is a time. */
const startMs = (entry: TimelineEntry): number => (entry.when._tag === "At" ? Duration.toMillis(entry.when.at) : 0)

/** Pause after a fault has ended, before the next one may begin: members need up to 8 s to find each other. */
const recoverMs: Range = { min: 12_000, max: 30_000 }
/** Beyond the default grace period of 60 s. */
const longOutageMs: Range = { min: 65_000, max: 100_000 }
const shortOutageMs: Range = { min: 1_000, max: 30_000 }

/** How long after a request a fault begins that is to meet the work on it. */
const meetMs: Range = { min: 500, max: 15_000 }

/** Share of the faults that hit the node whose agent leads: much depends on it, and it is one of many. */
const leaderShare = 0.35

interface Fault {
  readonly kind: FaultKind
  readonly begin: Act
  readonly end: Act | null
  readonly lastsMs: number
}

const drawFault = (random: RandomStream, kind: FaultKind, nodes: ReadonlyArray<string>): Fault => {
  const anyone = random.chance(leaderShare) ? "leader" : (random.pick(nodes) ?? "leader")
  const node = random.pick(nodes) ?? "n1"
  const lastsMs = drawRange(random, kind === "long-outage" ? longOutageMs : shortOutageMs)
  switch (kind) {
    case "agent-kill":
      return {
        kind,
        begin: { _tag: "Kill", node: anyone, what: "agent" },
        end: { _tag: "Restart", node: "victim", what: "agent", flag: null },
        lastsMs,
      }
    case "agent-pause":
      return {
        kind,
        begin: { _tag: "Pause", node: anyone, what: "agent" },
        end: { _tag: "Resume", node: "victim", what: "agent" },
        lastsMs,
      }
    case "daemon-kill":
      return {
        kind,
        begin: { _tag: "Kill", node: anyone, what: "daemon" },
        end: { _tag: "Restart", node: "victim", what: "daemon", flag: null },
        lastsMs,
      }
    case "daemon-pause":
      return {
        kind,
        begin: { _tag: "Pause", node: anyone, what: "daemon" },
        end: { _tag: "Resume", node: "victim", what: "daemon" },
        lastsMs,
      }
    case "daemon-stop":
      return {
        kind,
        begin: { _tag: "Stop", node: anyone, what: "daemon" },
        end: { _tag: "Restart", node: "victim", what: "daemon", flag: null },
        lastsMs: lastsMs + 8_000,
      }
    case "host-kill":
    case "long-outage":
      return {
        kind,
        begin: { _tag: "Kill", node: anyone, what: "host" },
        end: { _tag: "Restart", node: "victim", what: "host", flag: null },
        lastsMs,
      }
    case "partition":
      return { kind, begin: { _tag: "Partition", groups: [[anyone]] }, end: { _tag: "Heal", what: "network" }, lastsMs }
    case "cut": {
      const other = random.pick(nodes.filter((name) => name !== node)) ?? node
      return {
        kind,
        begin: { _tag: "Cut", from: node, to: other, symmetric: random.chance(0.5) },
        end: { _tag: "Heal", what: "network" },
        lastsMs,
      }
    }
    case "slow": {
      const statement =
        random.pick([
          "JOIN CLUSTER",
          "EXIT CLUSTER",
          "ALTER CLUSTER",
          "CREATE TABLE",
          "DROP TABLE",
          "UPDATE",
          "SELECT",
        ]) ?? "JOIN CLUSTER"
      const byMs = statement === "UPDATE" || statement === "SELECT" ? random.int(20, 800) : random.int(500, 20_000)
      const begin: Act = {
        _tag: "Slow",
        node: random.chance(0.5) ? node : null,
        statement,
        pattern: null,
        by: Duration.millis(byMs),
        times: random.chance(0.5) ? random.int(1, 20) : null,
        share: null,
      }
      return { kind, begin, end: { _tag: "Heal", what: "slow" }, lastsMs }
    }
  }
}

/** Most faults begin soon after something was asked for: that is when there is work to disturb. */
const drawFaults = (
  random: RandomStream,
  profile: Profile,
  nodes: ReadonlyArray<string>,
  kinds: ReadonlyArray<FaultKind>,
  operations: ReadonlyArray<TimelineEntry>,
): ReadonlyArray<TimelineEntry> => {
  const entries: Array<TimelineEntry> = []
  const count = drawRange(random, profile.faults)
  let freeMs = 1_000
  for (let index = 0; index < count; index++) {
    const kind = random.pick(kinds)
    if (kind === undefined) break
    const fault = drawFault(random, kind, nodes)
    const anchors = operations.map(startMs).filter((ms) => ms + meetMs.max >= freeMs)
    const anchorMs = random.chance(0.75) ? random.pick(anchors) : undefined
    const beginMs = Math.max(
      freeMs,
      anchorMs === undefined ? freeMs + random.int(0, 20_000) : anchorMs + drawRange(random, meetMs),
    )
    entries.push({ when: at(beginMs), act: fault.begin, course: null })
    if (fault.end !== null) entries.push({ when: at(beginMs + fault.lastsMs), act: fault.end, course: null })
    freeMs = beginMs + fault.lastsMs + drawRange(random, recoverMs)
  }
  return entries
}

const drawTables = (random: RandomStream, profile: Profile, nodes: number): ReadonlyArray<TableSpec> =>
  Array.from({ length: drawRange(random, profile.tables) }, (_, index) => ({
    name: `t${index + 1}`,
    shards: drawRange(random, profile.shards),
    rf: Math.min(nodes, drawRange(random, profile.rf)),
    structure,
  }))

const drawOperations = (
  random: RandomStream,
  profile: Profile,
  nodes: ReadonlyArray<string>,
  spares: ReadonlyArray<string>,
  tables: ReadonlyArray<TableSpec>,
): ReadonlyArray<TimelineEntry> => {
  const entries: Array<TimelineEntry> = []
  const count = drawRange(random, profile.operations)
  const times = Array.from({ length: count }, () =>
    random.int(profile.seconds.min * 1000, profile.seconds.max * 1000),
  ).toSorted((a, b) => a - b)
  const unused = [...spares]
  const droppable = tables.slice(1).map((table) => table.name)
  let made = tables.length
  let drained = false
  for (const ms of times) {
    const kind = random.pick(profile.operationKinds)
    let act: Act | undefined
    if (kind === "add-node") {
      const node = unused.shift()
      if (node !== undefined) act = { _tag: "AddNode", node }
    } else if (kind === "drop") {
      const table = droppable.shift()
      if (table !== undefined) act = { _tag: "Drop", table }
    } else if (kind === "drain" && !drained && nodes.length > Math.max(...tables.map((table) => table.rf), 3)) {
      drained = true
      act = { _tag: "Drain", node: random.pick(nodes) ?? "n1" }
    } else if (kind === "rebalance") act = { _tag: "Rebalance", table: null }
    if (act === undefined) {
      made++
      const table: TableSpec = {
        name: `t${made}`,
        shards: drawRange(random, profile.shards),
        rf: Math.min(3, nodes.length, drawRange(random, profile.rf)),
        structure,
      }
      droppable.push(table.name)
      act = { _tag: "Create", table }
    }
    entries.push({ when: at(ms), act, course: null })
  }
  return entries
}

const drawWorkload = (random: RandomStream, profile: Profile, table: string): Workload => ({
  table,
  writers: drawRange(random, profile.writers),
  every: Duration.millis(random.int(40, 400)),
  from: Duration.zero,
  until: null,
  mix: { insert: random.int(20, 80), replace: random.int(0, 20), update: random.int(0, 20), delete: random.int(0, 15) },
  rows: random.chance(0.7) ? 1 : random.int(2, 6),
  timeout: Duration.seconds(random.int(2, 20)),
  through: null,
  reads: random.chance(0.5) ? { readers: 1, every: Duration.millis(random.int(200, 1000)) } : null,
})

/** The scenario of a seed. */
export const drawScenario = (seed: number, profile: Profile): Scenario => {
  const random = new RandomStream(seed).stream(`chaos ${profile.name}`)
  const shape = random.stream("shape")
  const nodeCount = drawRange(shape, profile.nodes)
  const spareCount = drawRange(shape, profile.spares)
  const names = Array.from({ length: nodeCount + spareCount }, (_, index) => `n${index + 1}`)
  const nodes = names.slice(0, nodeCount)
  const spares = names.slice(nodeCount)
  const tables = drawTables(shape, profile, nodeCount)
  const swarm = random.stream("swarm")
  const kinds = profile.kinds.filter(() => swarm.chance(0.5))
  const operations = drawOperations(random.stream("operations"), profile, nodes, spares, tables)
  const faults = drawFaults(random.stream("faults"), profile, nodes, kinds, operations)
  const workload = random.stream("workload")
  const declare = (name: string) => ({ name, zone: null, weight: 1 })
  return {
    version: 1,
    name: `chaos-${profile.name}-${seed}`,
    about: `Drawn from seed ${seed} by the chaos profile ${profile.name}.`,
    covers: [],
    seed,
    engine: "shardwright",
    cluster: { coordination: "c", nodes: nodes.map(declare), spares: spares.map(declare), threads: null },
    settings: {},
    tables,
    workloads: tables.map((table) => drawWorkload(workload, profile, table.name)),
    timeline: [...operations, ...faults].toSorted((a, b) => startMs(a) - startMs(b)),
    expect: { violation: null, eventually: [], always: [], final: [], sometimes: [], never: [], thresholds: [] },
    quiesce: Duration.minutes(6),
    until: Duration.minutes(30),
  }
}
