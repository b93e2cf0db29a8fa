/**
 * How big copies are: asked of those who hold them when a plan is made that needs to know, and at no other time. The
 * server tells the size of no table with a prefix (semantics 33): rows are counted, bytes follow from a sample of them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { cellText } from "../Observe.ts"
import { Manticore } from "../Manticore.ts"
import { type ShardSize, weighedShards } from "../plan/cost.ts"
import type { Plan } from "../plan/Plan.ts"
import * as Sql from "../Sql.ts"
import type { Group } from "../State.ts"
import type { View } from "../View.ts"

/** Rows of a sample: enough for an average, few enough to be read in one packet. */
const sampleRows = 20
/** How long a node has for an answer; one that has been silent is not asked again. */
const patience = Duration.seconds(1)
/** Shards that are asked for at once. */
const parallelAsks = 16

/** Who asks, and whom not. `goOn` is asked between chunks; false ends the asking. */
export interface Asking<E> {
  readonly node: string
  readonly away: ReadonlySet<string>
  readonly goOn: Effect.Effect<boolean, E>
}

/** Nodes that hold a shard as wrappers show it; the own one first. */
const holders = (view: View, groups: Iterable<Group>, physical: string, own: string): ReadonlyArray<string> => {
  const placement = [...view.tables.values()]
    .flatMap(({ record }) => record.layout)
    .find((item) => item.physical === physical)
  const group = [...groups].find(
    ({ inSync, shards }) => inSync.length > 0 && shards.some((shard) => shard.physical === physical),
  )
  const known = group?.inSync ?? placement?.nodes ?? []
  return known.includes(own) ? [own, ...known.filter((node) => node !== own)] : known
}

/** Rows and bytes of every shard that a plan copies or compares, by physical name; those that nobody tells are missing. */
export const measure = Effect.fnUntraced(function* <E>(
  view: View,
  plan: Plan,
  { away, goOn, node }: Asking<E>,
): Effect.fn.Return<ReadonlyMap<string, ShardSize>, E, Manticore> {
  const manticore = yield* Manticore
  const sizes = new Map<string, ShardSize>()
  const silent = new Set(away)
  const groups = [...view.groups.values()].map(({ record }) => record)
  const physicals = weighedShards(plan, view)
  const ask = Effect.fnUntraced(function* (physical: string) {
    const holder = holders(view, groups, physical, node).find((candidate) => !silent.has(candidate))
    if (holder === undefined) return
    const counted = yield* manticore.query(holder, Sql.countRows(physical), patience)
    const sampled = yield* manticore.query(holder, Sql.selectPage(physical, undefined, undefined, sampleRows), patience)
    if (counted._tag === "NoAnswer" || sampled._tag === "NoAnswer") silent.add(holder)
    if (counted._tag !== "Rows" || sampled._tag !== "Rows") return
    const rows = Number(cellText(counted.rows[0]?.[0]))
    const characters = sampled.rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0)
    sizes.set(physical, { rows, bytes: Math.round((characters / Math.max(1, sampled.rows.length)) * rows) })
  })
  for (let start = 0; start < physicals.length; start += parallelAsks) {
    if (!(yield* goOn)) break
    yield* Effect.forEach(physicals.slice(start, start + parallelAsks), ask, {
      concurrency: parallelAsks,
      discard: true,
    })
  }
  return sizes
})
