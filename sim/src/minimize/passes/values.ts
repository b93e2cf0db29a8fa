/** What can be said more simply: clients as they are by default, moments and lengths in round figures, no chance. */
import * as Duration from "effect/Duration"
import { asEntry } from "../../bundle/resolve.ts"
import { defaults } from "../../scenario/CodecParts.ts"
import type { Span } from "../../scenario/Fault.ts"
import type { TimelineEntry, Workload } from "../../scenario/Scenario.ts"
import type { Search } from "../Search.ts"

const replaced = <A>(items: ReadonlyArray<A>, index: number, item: A): ReadonlyArray<A> =>
  items.map((it, at) => (at === index ? item : it))

/** Clients that do what is usual. */
const plainWorkload: Omit<Workload, "table"> = {
  writers: defaults.writers,
  every: defaults.every,
  from: Duration.zero,
  until: null,
  mix: defaults.mix,
  rows: defaults.rows,
  timeout: defaults.timeout,
  through: null,
  reads: null,
}

export const plainerWorkloads = (search: Search): void => {
  for (const index of search.current.scenario.workloads.keys()) {
    const become = (change: Partial<Workload>): boolean => {
      const { workloads } = search.current.scenario
      const workload = workloads[index]
      return workload !== undefined && search.try({ workloads: replaced(workloads, index, { ...workload, ...change }) })
    }
    if (become(plainWorkload)) continue
    for (const [key, value] of Object.entries(plainWorkload)) become({ [key]: value })
  }
}

/** How long the run may take, where it needs not be said. */
export const plainerEnd = (search: Search): void => {
  const { quiesce, until } = search.current.scenario
  if (!Duration.equals(until, defaults.until)) search.try({ until: defaults.until })
  if (Duration.equals(quiesce, defaults.quiesce) || search.try({ quiesce: defaults.quiesce })) return
  for (const shorter of [2, 3, 5].map(Duration.minutes))
    if (Duration.isLessThan(shorter, quiesce) && search.try({ quiesce: shorter })) return
}

/** Moments in the order in which they are tried: soon, then in round figures. */
const rounder = (duration: Duration.Duration): ReadonlyArray<Duration.Duration> => {
  const ms = Duration.toMillis(duration)
  const round = [60_000, 10_000, 5_000, 1_000, 100].flatMap((unit) => [
    Math.floor(ms / unit) * unit,
    Math.ceil(ms / unit) * unit,
  ])
  const tried = [0, 1_000, 5_000, 10_000, ...round]
  return [...new Set(tried)]
    .filter((other) => simplicity(other) < simplicity(ms))
    .map((other) => Duration.millis(other))
}

/** Few digits first, then short ones. */
const simplicity = (ms: number): number => {
  const unit = ms === 0 ? 0 : [60_000, 10_000, 5_000, 1_000, 500, 100, 10, 1].findIndex((it) => ms % it === 0)
  return unit * 1e9 + ms
}

/** A span from which nothing is drawn. */
const isPoint = (value: object): value is Span =>
  "min" in value &&
  "max" in value &&
  Duration.isDuration(value.min) &&
  Duration.isDuration(value.max) &&
  Duration.equals(value.min, value.max)

/** Every length of time in a value, with the value that has another in its place. */
const durationsIn = <A>(
  value: A,
): ReadonlyArray<{ readonly at: Duration.Duration; readonly put: (other: Duration.Duration) => A }> => {
  // The cast: a length of time is put where one was.
  if (Duration.isDuration(value)) return [{ at: value, put: (other) => other as A }]
  if (typeof value !== "object" || value === null || Array.isArray(value)) return []
  if (isPoint(value)) return [{ at: value.min, put: (other) => ({ ...value, min: other, max: other }) }]
  return Object.entries(value).flatMap(([key, item]) =>
    durationsIn(item).map(({ at, put }) => ({
      at,
      put: (other: Duration.Duration) => ({ ...value, [key]: put(other) }),
    })),
  )
}

const become = (search: Search, index: number, entry: TimelineEntry): boolean =>
  search.try({ timeline: replaced(search.current.scenario.timeline, index, entry) })

/** Moments and lengths in round figures. */
export const rounderTimes = (search: Search): void => {
  for (const index of search.current.scenario.timeline.keys()) {
    const places = durationsIn(search.current.scenario.timeline[index]).length
    for (let place = 0; place < places && !search.isOver; place++) {
      const length = durationsIn(search.current.scenario.timeline[index])[place]
      if (length === undefined) continue
      rounder(length.at).some((other) => {
        const entry = length.put(other)
        return entry !== undefined && become(search, index, entry)
      })
    }
  }
}

/** What is left to chance or circumstances is said outright: as it was decided, or at its simplest. */
export const lessChance = (search: Search): void => {
  for (const index of search.current.scenario.timeline.keys()) {
    const entry = search.current.scenario.timeline[index]
    if (entry === undefined || search.isOver) continue
    const decided = search.decisions.filter((decision) => decision.entry === index)
    const [only] = decided.map((decision) => asEntry(decision).entry)
    const simpler: ReadonlyArray<TimelineEntry> = [
      ...(only === undefined || decided.length > 1 ? [] : [{ ...only, when: entry.when }, only]),
      { ...entry, course: null },
      ...(entry.course === null ? [] : [{ ...entry, course: { ...entry.course, probability: null, repeat: null } }]),
      ...(entry.when._tag === "After"
        ? [{ ...entry, when: { _tag: entry.when._tag, sighting: entry.when.sighting, count: 1, plus: Duration.zero } }]
        : []),
    ]
    for (const other of simpler) become(search, index, other)
  }
}

/** The usual seed. */
export const usualSeed = (search: Search): void => {
  for (const seed of [1, 2, 3]) {
    if (search.current.seed === seed) return
    if (search.tryCandidate({ ...search.current, seed, scenario: { ...search.current.scenario, seed } })) return
  }
}
