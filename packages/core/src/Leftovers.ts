/**
 * What operations and people have left behind: what goes by itself and what that waits for, and what nobody but a person can judge.
 * The records of operations that are over are the only thing that is deleted here; everything else goes through agents.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { physicalShard, probeTable } from "./Identifier.ts"
import { isDisposable } from "./leader/cleanUp.ts"
import { Manticore } from "./Manticore.ts"
import { firstColumn, observedGroups } from "./Observe.ts"
import { look, type OperatorOptions, operatorStore, told } from "./Operator.ts"
import * as Sql from "./Sql.ts"
import type { View } from "./View.ts"

/** One thing that is left. */
export interface Leftover {
  /** `group`, `table`, `copy`: an agent takes it away; `stranger`: no record names it, and nothing touches it. */
  readonly kind: "group" | "table" | "copy" | "stranger"
  readonly subject: string
  /** What it is, and where. */
  readonly detail: string
  /** What makes it go. */
  readonly waitsFor: string
}

/** What a daemon shows. */
export interface Shown {
  /** Tables of the database `system`, by physical name. */
  readonly tables: ReadonlyArray<string>
  /** Replication clusters. */
  readonly clusters: ReadonlyArray<string>
}

const they = (nodes: ReadonlyArray<string>, away: ReadonlySet<string>): string =>
  nodes.map((node) => (away.has(node) ? `${node} (away)` : node)).join(", ")

/** Everything that is left. `shown`: what the daemons show that answer. */
export const leftovers = (
  view: View,
  away: ReadonlySet<string>,
  shown: ReadonlyMap<string, Shown>,
  coordination: string,
): ReadonlyArray<Leftover> => {
  const found: Array<Leftover> = []
  for (const { record: group } of view.groups.values()) {
    if (group.operation !== null) continue
    const ends = group.status === "dissolved"
    const gone = [...group.leaving, ...group.exiled]
    if (!ends && group.status !== "temporary" && group.leaving.length === 0) continue
    found.push({
      kind: "group",
      subject: group.name,
      detail: ends
        ? `it has ended; ${they(gone, away) || "nobody"} may still have it`
        : group.status === "temporary"
          ? "it was needed for a while, and ends when its shards have one copy"
          : `${they(group.leaving, away)} is to leave it`,
      waitsFor: gone.some((node) => away.has(node))
        ? "those that are away: start them, or have them forgotten if their data will never start again"
        : "an agent, which is about to do it; if it lasts, see: shardwright health",
    })
  }
  for (const { record: table } of view.tables.values()) {
    if (table.operation !== null || (table.status !== "dropping" && table.status !== "failed")) continue
    found.push({
      kind: "table",
      subject: table.name,
      detail: `it is gone for its users (${table.status}); ${table.layout.length} of its shards are still there`,
      waitsFor: "the members that hold them",
    })
  }
  for (const [node, { record }] of view.drops) {
    if (record.tables.length === 0) continue
    found.push({
      kind: "copy",
      subject: node,
      detail: `a DROP of ${record.tables.join(", ")} had no answer and may still take effect`,
      waitsFor: "the node's agent, which looks",
    })
  }
  return [...found, ...strangers(view, shown, coordination)]
}

/** Tables and clusters on daemons that no record names, now or before. */
const strangers = (view: View, shown: ReadonlyMap<string, Shown>, coordination: string): ReadonlyArray<Leftover> => {
  const groups = [...view.groups.values()].map(({ record }) => record)
  const tables = [...view.tables.values()].map(({ record }) => record)
  const clusters = new Set([coordination, ...groups.map(({ name }) => name)])
  const physicals = new Set([
    ...Sql.createSystemTables.map(({ physical }) => physical),
    ...Sql.oldTables,
    ...groups.flatMap(({ name, shards }) => [probeTable(name), ...shards.map(({ physical }) => physical)]),
    ...tables.flatMap(({ layout }) => layout.map(({ physical }) => physical)),
    // Shards of a table that is being made, or of one of which a generation is being dropped.
    ...tables.flatMap(({ generation, name, shards }) =>
      Array.from({ length: shards }, (_, shard) => physicalShard(name, generation, shard)),
    ),
  ])
  const waitsFor = "you: nothing of ours touches what no record names. Look what it is, and drop it by hand"
  return [...shown].flatMap(([node, { clusters: has, tables: holds }]) => [
    ...has
      .filter((name) => !clusters.has(name))
      .map((name) => ({
        kind: "stranger" as const,
        subject: name,
        detail: `${node} has a replication cluster of this name that no record names`,
        waitsFor,
      })),
    ...holds
      .filter((name) => !physicals.has(name))
      .map((name) => ({
        kind: "stranger" as const,
        subject: name,
        detail: `${node} has a table of this name that no record names`,
        waitsFor,
      })),
  ])
}

/** What there is to clean up. */
export interface CleanUp {
  readonly leftovers: ReadonlyArray<Leftover>
  /** Records of operations that are over, with which nothing can happen any more, by their kind. */
  readonly records: Readonly<Record<string, number>>
  /** Registered nodes that did not answer: what they hold is not known. */
  readonly silent: ReadonlyArray<string>
}

/** What one daemon shows; undefined if it does not answer. */
const ask = Effect.fnUntraced(function* (node: string, patience: Duration.Duration) {
  const manticore = yield* Manticore
  const clusters = observedGroups(yield* manticore.query(node, Sql.showClusters, patience))
  const tables = firstColumn(yield* manticore.query(node, Sql.showSystemTables, patience))
  if (clusters === undefined || tables === undefined) return undefined
  const shown: Shown = {
    clusters: [...clusters.keys()],
    tables: tables.map((name) => (name.includes(".") ? name : `system.${name}`)),
  }
  return shown
})

/** Rows that are read at a time, and rounds of it at most. */
const rowsAtOnce = 200
const roundsMax = 1000

/**
 * Looks what is left, and deletes the records that nobody can need and that are older than `age`; none if it is a dry run.
 * Leaders do the same by themselves, after the retentions of the configuration.
 */
export const cleanUpNow = Effect.fnUntraced(
  function* (options: OperatorOptions & { readonly age: Duration.Duration; readonly dryRun: boolean }) {
    const { age, config, dryRun } = options
    const { away, view } = yield* look(options)
    const store = yield* operatorStore(options)
    if (!dryRun) yield* store.barrier
    const shown = new Map<string, Shown>()
    const silent: Array<string> = []
    for (const node of Object.keys(view.registry?.record.nodes ?? {})) {
      const answer = away.has(node) ? undefined : yield* ask(node, config.statementTimeout)
      if (answer === undefined) silent.push(node)
      else shown.set(node, answer)
    }
    const beforeMs = (yield* Clock.currentTimeMillis) - Duration.toMillis(age)
    const records: Record<string, number> = {}
    for (const table of ["queue", "state"] as const) {
      for (let round = 0; round < roundsMax; round++) {
        const old = yield* store.retired(table, beforeMs, rowsAtOnce)
        const keys = old.filter((entry) => isDisposable(view, entry)).map(({ key }) => key)
        for (const key of keys) {
          const kind = key.split("/")[0] ?? ""
          records[kind] = (records[kind] ?? 0) + 1
        }
        if (!dryRun && keys.length > 0) yield* store.remove(keys)
        if (old.length < rowsAtOnce) break
      }
    }
    const found: CleanUp = { leftovers: leftovers(view, away, shown, config.coordination), records, silent }
    return found
  },
  (effect, options) => Effect.catchTag(effect, "StoreUnavailable", (error) => told(error, options)),
)
