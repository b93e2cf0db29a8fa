/**
 * Draws what no other profile meets: hazards that take more than one entry of the timeline, or a moment that hardly comes by
 * chance.
 */
import * as Duration from "effect/Duration"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Fault } from "../scenario/Fault.ts"
import type { Act, TableSpec, TimelineEntry } from "../scenario/Scenario.ts"
import type { RareKind, Range } from "./Profile.ts"

/** What there is to draw from. */
export interface RareSubjects {
  readonly nodes: ReadonlyArray<string>
  /** Tables from the beginning. */
  readonly tables: ReadonlyArray<TableSpec>
  /** Tables that are made, the first of which is dropped. */
  readonly made: ReadonlyArray<string>
  /** What is drawn already. */
  readonly timeline: ReadonlyArray<TimelineEntry>
  readonly graceMs: number
}

const recordTables = ["system.shardwright_state", "system.shardwright_queue"]

/** When all else is over. */
const lateMs: Range = { min: 95_000, max: 110_000 }

const at = (ms: number, act: Act): TimelineEntry => ({
  when: { _tag: "At", at: Duration.millis(ms) },
  act,
  course: null,
})

const fault = (ms: number, act: Fault, lastsMs: number): TimelineEntry => ({
  when: { _tag: "At", at: Duration.millis(ms) },
  act,
  course: {
    probability: null,
    repeat: null,
    lasts: { min: Duration.millis(lastsMs), max: Duration.millis(lastsMs) },
  },
})

/** Draws hazards of this kind. */
const drawRare = (random: RandomStream, kind: RareKind, subjects: RareSubjects): ReadonlyArray<TimelineEntry> => {
  const { graceMs, made, nodes, tables } = subjects
  const node = random.pick(nodes) ?? "n1"
  const target = nodes.length >= 5 ? "minority" : "one"
  switch (kind) {
    case "two-outages": {
      const ms = random.int(1_000, 30_000)
      return [fault(ms, { _tag: "Kill", node: target, what: "host" }, graceMs + random.int(10_000, 40_000))]
    }
    case "cut-off-minority":
      return [fault(random.int(1_000, 40_000), { _tag: "Partition", groups: [target] }, random.int(12_000, 30_000))]
    case "refused-wrapper": {
      const ms = random.int(0, 15_000)
      const refusal: Fault = {
        _tag: "StatementError",
        node,
        times: null,
        share: null,
        statement: null,
        pattern: `^CREATE TABLE ${random.pick(made) ?? "t1"} `,
        errno: 1064,
        message: "cluster 'c' is not ready, current state is joining",
      }
      return [fault(ms, refusal, random.int(10_000, 40_000))]
    }
    case "plain-table": {
      // The first of those that are made is dropped by then, or its drop was refused and its wrapper is in the way.
      const name = made[0] ?? "t1"
      const ms = random.int(lateMs.min, lateMs.max)
      const statements = [`CREATE TABLE ${name} (v bigint)`, `INSERT INTO ${name} (id,v) VALUES (1,1),(2,2)`]
      const sql: Act = {
        _tag: "Sql",
        node,
        connection: null,
        statements,
        timeout: Duration.seconds(15),
        expect: null,
      }
      const kill: Fault = { _tag: "Kill", node, what: random.chance(0.5) ? "daemon" : "host" }
      return [at(ms, sql), fault(ms + random.int(1_000, 5_000), kill, random.int(1_000, 9_000))]
    }
    case "lost-log": {
      // A single copy that a kill empties is lost, whoever orchestrates.
      const single = new Set(
        subjects.timeline.flatMap(({ act }) => (act._tag === "SetRf" && act.rf < 2 ? act.tables : [])),
      )
      const shards = tables
        .filter(({ name, rf }) => rf > 1 && !single.has(name))
        .flatMap(({ name, shards: count }) => Array.from({ length: count }, (_, shard) => `system.${name}_s${shard}`))
      const table = random.pick(random.chance(0.4) || shards.length === 0 ? recordTables : shards) ?? ""
      const ms = random.int(0, 25_000)
      const lastsMs = random.int(5_000, 30_000)
      const kill: Fault = { _tag: "Kill", node, what: random.chance(0.5) ? "daemon" : "host" }
      return [
        fault(ms, { _tag: "UnlistLog", node, table }, lastsMs),
        fault(ms + random.int(1_000, lastsMs - 1_000), kill, random.int(200, 12_000)),
      ]
    }
    case "lost-for-good": {
      // Three could not make up for one of them, nor two agree.
      if (nodes.length < 4) return []
      const kill: Fault = { _tag: "Kill", node, what: "host" }
      const ms = random.int(5_000, 30_000)
      return [at(ms, kill)]
    }
    case "two-lost-for-good": {
      const first = nodes.indexOf(node)
      const pair = [node, nodes[(first + random.int(1, nodes.length - 1)) % nodes.length] ?? node]
      return [at(random.int(5_000, 30_000), { _tag: "Kill", node: pair, what: "host" })]
    }
    case "late-split": {
      const table = random.pick(tables)
      if (table === undefined) return []
      // Nothing disturbs the readers any more, so that whatever they lack is the doing of the engine.
      const split: Act = { _tag: "Split", table: table.name, shard: random.int(0, table.shards - 1) }
      return [at(random.int(lateMs.min, lateMs.max), split)]
    }
  }
}

/** Share of the seeds in which a node is lost for good, beside one or two of the other kinds. */
const lostShare = 0.25

/** Share of these in which two are lost at once, where the others are a majority still. */
const twoLostShare = 0.4

/** The kinds of a seed. */
export const drawRareKinds = (
  random: RandomStream,
  kinds: ReadonlyArray<RareKind>,
  nodeCount: number,
): ReadonlyArray<RareKind> => {
  const others = kinds.filter((kind) => kind !== "lost-for-good" && kind !== "two-lost-for-good")
  const first = random.pick(others)
  const second = random.chance(0.4) ? random.pick(others) : undefined
  const isLost = kinds.includes("lost-for-good") && (others.length === 0 || random.stream("lost").chance(lostShare))
  const areTwo = nodeCount >= 5 && kinds.includes("two-lost-for-good") && random.stream("two lost").chance(twoLostShare)
  const lost = areTwo ? "two-lost-for-good" : "lost-for-good"
  const drawn = new Set<RareKind | undefined>([first, second, isLost ? lost : undefined])
  return [...drawn].filter((kind) => kind !== undefined)
}

/** The least copies that a table has if these hazards are to lose nothing. */
export const copiesNeeded = (kinds: ReadonlyArray<RareKind>): number =>
  kinds.includes("two-lost-for-good") ? 3 : kinds.includes("lost-for-good") ? 2 : 1

/** The hazards of a seed, behind the faults that are drawn anyway. */
export const drawRareHazards = (
  random: RandomStream,
  kinds: ReadonlyArray<RareKind>,
  subjects: RareSubjects,
): ReadonlyArray<TimelineEntry> => kinds.flatMap((kind) => drawRare(random.stream(kind), kind, subjects))
