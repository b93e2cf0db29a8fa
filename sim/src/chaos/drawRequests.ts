/**
 * Draws what is asked of the engine. Three tables are made, and one of them is dropped when it has had the time to be there:
 * nobody refuses to make a table, so that each seed has three operations whatever else happens.
 */
import * as Duration from "effect/Duration"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Act, TableSpec, TimelineEntry, Trigger } from "../scenario/Scenario.ts"
import { drawOldOrchestrator } from "./drawOldOrchestrator.ts"
import type { Profile, Range, RequestKind } from "./Profile.ts"

/** Columns of every table. */
export const structure = "title text, v bigint"

/** When requests come, in milliseconds from time zero. */
const createMs: ReadonlyArray<Range> = [
  { min: 500, max: 3_000 },
  { min: 1_000, max: 20_000 },
  { min: 5_000, max: 30_000 },
]
const dropMs: Range = { min: 22_000, max: 35_000 }
const otherMs: Range = { min: 500, max: 32_000 }
/** After everything that may be stopped has been. */
const afterStopMs: Range = { min: 33_000, max: 37_000 }
/** How long an operation stays paused. */
const pausedMs: Range = { min: 500, max: 15_000 }

const drawRange = (random: RandomStream, { min, max }: Range): number => random.int(min, max)

const at = (ms: number): Trigger => ({ _tag: "At", at: Duration.millis(ms) })
const entry = (when: Trigger, act: Act): TimelineEntry => ({ when, act, course: null })

/** What there is to ask something of. */
export interface Subjects {
  readonly nodes: ReadonlyArray<string>
  readonly spares: ReadonlyArray<string>
  readonly tables: ReadonlyArray<TableSpec>
}

/** Draws a table of this name, with no more copies than so many. */
export const drawTable = (random: RandomStream, profile: Profile, name: string, copiesMax: number): TableSpec => ({
  name,
  shards: drawRange(random, profile.shards),
  rf: Math.min(copiesMax, drawRange(random, profile.rf)),
  structure,
})

/** Copies for which there are nodes enough although one is away, and another one is drained where there are more than three. */
const copiesFor = (nodes: ReadonlyArray<string>): number => (nodes.length <= 3 ? nodes.length - 1 : nodes.length - 2)

/** Draws the requests of a seed. */
export const drawRequests = (
  random: RandomStream,
  profile: Profile,
  { nodes, spares, tables }: Subjects,
): ReadonlyArray<TimelineEntry> => {
  const names = createMs.map((_, index) => `t${tables.length + 1 + index}`)
  const entries = names.map((name, index) => {
    const table = drawTable(random, profile, name, copiesFor(nodes))
    return entry(at(drawRange(random, createMs[index] ?? otherMs)), { _tag: "Create", table })
  })
  entries.push(entry(at(drawRange(random, dropMs)), { _tag: "Drop", table: names[0] ?? "t1" }))
  const count = drawRange(random, profile.requests)
  const unused = [...spares]
  for (let index = 0; index < count; index++) {
    const kind = random.pick(profile.requestKinds)
    if (kind !== undefined)
      entries.push(...drawRequest(random, profile, kind, { nodes, spares: unused, tables }, index))
  }
  return entries
}

const rebalance: Act = {
  _tag: "Ask",
  wish: "rebalance",
  of: "all",
  reason: "",
  approval: true,
  dryRun: false,
  answer: null,
}

/**
 * Something whose plan is to be approved, and what becomes of its draft: it is approved after a while, or withdrawn. An
 * approval is refused if the plan would be another one by then; whatever still waits in the end is withdrawn.
 */
const drawApproval = (random: RandomStream, ms: number, wish: Act): ReadonlyArray<TimelineEntry> => {
  const drafted: Trigger = {
    _tag: "After",
    sighting: { _tag: "OperationSeen", operation: "any", is: "awaiting_approval", node: null },
    count: 1,
    plus: Duration.millis(random.int(100, 10_000)),
    atLatest: Duration.millis(otherMs.max + 10_000),
  }
  const isApproved = random.chance(0.8)
  return [
    entry(at(ms), wish),
    entry(drafted, { _tag: "Control", ask: isApproved ? "approve" : "withdraw", table: null }),
  ]
}

const drawRequest = (
  random: RandomStream,
  profile: Profile,
  kind: RequestKind,
  {
    nodes,
    spares,
    tables,
  }: {
    readonly nodes: ReadonlyArray<string>
    readonly spares: Array<string>
    readonly tables: ReadonlyArray<TableSpec>
  },
  index: number,
): ReadonlyArray<TimelineEntry> => {
  const ms = drawRange(random, otherMs)
  const now = (act: Act): ReadonlyArray<TimelineEntry> => [entry(at(ms), act)]
  /** Soon after some operation has begun: there is something to ask it of. */
  const meanwhile = (act: Act): TimelineEntry =>
    entry(
      {
        _tag: "After",
        sighting: { _tag: "OperationSeen", operation: "any", is: "running", node: null },
        count: random.int(1, 3),
        plus: Duration.millis(random.int(100, 6_000)),
        atLatest: Duration.millis(otherMs.max),
      },
      act,
    )
  const node = random.pick(nodes) ?? "n1"
  const table = random.pick(tables)
  const setRf = (approval: boolean): Act => {
    const rf = Math.min(nodes.length, drawRange(random, profile.rf))
    return { _tag: "SetRf", tables: [table?.name ?? "t1"], rf, approval }
  }
  switch (kind) {
    case "add-node": {
      const spare = spares.shift()
      if (spare !== undefined) return now({ _tag: "AddNode", node: spare })
      break
    }
    case "replace": {
      const by = spares.shift()
      if (by === undefined) break
      return [entry(at(ms), { _tag: "AddNode", node: by }), entry(at(ms + 4_000), { _tag: "Replace", node, by })]
    }
    case "rebalance":
      return now({ _tag: "Rebalance", table: null })
    case "drain":
      // Where every node is needed, a drain has nothing to do.
      if (nodes.length <= 3) break
      return random.chance(0.5)
        ? now({ _tag: "Drain", node })
        : [entry(at(ms), { _tag: "Drain", node }), entry(at(ms + random.int(1_000, 20_000)), { _tag: "Undrain", node })]
    case "undrain":
      return now({ _tag: "Undrain", node })
    case "set-rf":
      return now(setRf(false))
    case "split":
      if (table === undefined) break
      return now({ _tag: "Split", table: table.name, shard: random.int(0, table.shards - 1) })
    case "maintain":
      return [
        entry(at(ms), { _tag: "Maintain", node }),
        entry(at(ms + random.int(5_000, 30_000)), { _tag: "Undrain", node }),
      ]
    case "adopt":
      return drawOldOrchestrator(random)
    case "approve":
      return drawApproval(random, ms, random.chance(0.7) ? setRf(true) : rebalance)
    case "pause": {
      const pause = meanwhile({ _tag: "Control", ask: "pause", table: null })
      const resume: Trigger = {
        _tag: "After",
        sighting: { _tag: "OperationSeen", operation: "any", is: "paused", node: null },
        count: 1,
        plus: Duration.millis(drawRange(random, pausedMs)),
        atLatest: Duration.millis(otherMs.max + pausedMs.max),
      }
      return [pause, entry(resume, { _tag: "Control", ask: "resume", table: null })]
    }
    case "stop":
    case "stop-now": {
      // What had not begun by then is stopped too: another table makes up for it.
      const later = random.stream(`after stop ${index}`)
      const table = drawTable(later, profile, `v${index + 1}`, copiesFor(nodes))
      return [
        meanwhile({ _tag: "Control", ask: kind, table: null }),
        entry(at(drawRange(later, afterStopMs)), { _tag: "Create", table }),
      ]
    }
    case "create":
    case "drop":
      break
  }
  const made = drawTable(random, profile, `u${index + 1}`, copiesFor(nodes))
  const create = entry(at(ms), { _tag: "Create", table: made })
  return kind === "drop"
    ? [create, entry(at(ms + random.int(500, 30_000)), { _tag: "Drop", table: made.name })]
    : [create]
}
