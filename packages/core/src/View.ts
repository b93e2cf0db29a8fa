/**
 * All live records at one moment, decoded by their schemas and sorted by what they are. Agents decide on a view; the
 * simulator's checkers read one straight from the tables.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as State from "./State.ts"

/** What signs of life change: nothing is decided on it but who leads and who is away. */
type SignsOfLife = "heartbeats" | "lease"

/** A record as the store or a table gives it. */
export interface RawEntry {
  readonly key: string
  readonly value: unknown
  readonly version: number
  readonly term: number
}

/** A decoded record with the row that it came from. */
export interface Stored<A> extends RawEntry {
  readonly record: A
}

/** All live records. Maps are by name, id or address; steps are by operation, in order of their index. */
export interface View {
  readonly registry: Stored<State.Registry> | undefined
  readonly lease: Stored<State.Lease> | undefined
  readonly restart: Stored<State.RestartToken> | undefined
  readonly leaving: Stored<State.LeavingLock> | undefined
  readonly finished: Stored<State.Finished> | undefined
  /** Versions of the heartbeats, by address. */
  readonly heartbeats: ReadonlyMap<string, number>
  readonly observations: ReadonlyMap<string, Stored<State.Observation>>
  readonly wrappers: ReadonlyMap<string, Stored<State.WrapperConfirmation>>
  readonly inspections: ReadonlyMap<string, Stored<State.Inspection>>
  readonly drops: ReadonlyMap<string, Stored<State.UnansweredDrops>>
  readonly tables: ReadonlyMap<string, Stored<State.Table>>
  readonly groups: ReadonlyMap<string, Stored<State.Group>>
  readonly operations: ReadonlyMap<string, Stored<State.Operation>>
  readonly steps: ReadonlyMap<string, ReadonlyArray<Stored<State.StepRow>>>
  readonly requests: ReadonlyMap<string, Stored<State.Request>>
  /** Keys whose records could not be decoded, with the reason. */
  readonly damaged: ReadonlyArray<{ readonly key: string; readonly reason: string }>
}

const decoders = {
  registry: Schema.decodeUnknownExit(State.Registry),
  lease: Schema.decodeUnknownExit(State.Lease),
  restart: Schema.decodeUnknownExit(State.RestartToken),
  leaving: Schema.decodeUnknownExit(State.LeavingLock),
  finished: Schema.decodeUnknownExit(State.Finished),
  observation: Schema.decodeUnknownExit(State.Observation),
  wrapper: Schema.decodeUnknownExit(State.WrapperConfirmation),
  inspection: Schema.decodeUnknownExit(State.Inspection),
  drops: Schema.decodeUnknownExit(State.UnansweredDrops),
  table: Schema.decodeUnknownExit(State.Table),
  group: Schema.decodeUnknownExit(State.Group),
  operation: Schema.decodeUnknownExit(State.Operation),
  step: Schema.decodeUnknownExit(State.StepRow),
  request: Schema.decodeUnknownExit(State.Request),
} as const

/** Decoded records by entry: an unchanged row is the same object, and is decoded once. */
const decoded = new WeakMap<RawEntry, Stored<unknown> | string>()

/** What a decoder made of a value. */
interface Decoding {
  readonly decoder: unknown
  readonly exit: Exit.Exit<unknown, Schema.SchemaError>
}

/** Decodings by value: the same text is the same object, whoever reads it. */
const decodings = new WeakMap<object, Decoding>()

const decodeValue = <A>(
  value: unknown,
  decoder: (value: unknown) => Exit.Exit<A, Schema.SchemaError>,
): Exit.Exit<A, Schema.SchemaError> => {
  if (typeof value !== "object" || value === null) return decoder(value)
  const known = decodings.get(value)
  // What a decoder made has that decoder's type.
  if (known?.decoder === decoder) return known.exit as Exit.Exit<A, Schema.SchemaError>
  const exit = decoder(value)
  decodings.set(value, { decoder, exit })
  return exit
}

const decode = <A>(
  entry: RawEntry,
  decoder: (value: unknown) => Exit.Exit<A, Schema.SchemaError>,
): Stored<A> | string => {
  const known = decoded.get(entry)
  // The decoder depends on the entry's key alone, so what is cached under an entry has that decoder's type.
  if (known !== undefined) return known as Stored<A> | string
  const exit = decodeValue(entry.value, decoder)
  const result = Exit.isSuccess(exit) ? { ...entry, record: exit.value } : String(exit.cause)
  decoded.set(entry, result)
  return result
}

const byKey = <A>(entries: Iterable<readonly [string, A]>): ReadonlyMap<string, A> =>
  new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))

/** The map of an earlier view if it holds just these records, else a new one. */
const asBefore = <A>(
  entries: ReadonlyArray<readonly [string, A]>,
  before: ReadonlyMap<string, A> | undefined,
): ReadonlyMap<string, A> =>
  before?.size === entries.length && entries.every(([name, item]) => before.get(name) === item)
    ? before
    : byKey(entries)

const sortedSteps = (
  lists: ReadonlyMap<string, Array<Stored<State.StepRow>>>,
  before: View["steps"] | undefined,
): View["steps"] => {
  const entries = [...lists].map(([operation, list]) => {
    list.sort((a, b) => a.record.index - b.record.index)
    const known = before?.get(operation)
    const same = known?.length === list.length && list.every((row, index) => row === known[index])
    return [operation, same ? known : list] as const
  })
  return asBefore(entries, before)
}

const unchangedParts: Readonly<Record<Exclude<keyof View, SignsOfLife>, true>> = {
  registry: true,
  restart: true,
  leaving: true,
  finished: true,
  observations: true,
  wrappers: true,
  inspections: true,
  drops: true,
  tables: true,
  groups: true,
  operations: true,
  steps: true,
  requests: true,
  damaged: true,
}
const comparedParts = Object.keys(unchangedParts) as ReadonlyArray<keyof typeof unchangedParts>

/** True if two views, one made after the other, differ in nothing but signs of life. */
export const isSameView = (before: View | undefined, now: View): boolean =>
  before !== undefined && comparedParts.every((part) => before[part] === now[part])

/**
 * Sorts and decodes records. Whatever is as it was in the view `before` is the same object: who decided on it need not
 * decide again.
 */
export const makeView = (entries: Iterable<RawEntry>, before?: View): View => {
  const damaged: Array<{ key: string; reason: string }> = []
  const heartbeats: Array<readonly [string, number]> = []
  const observations: Array<readonly [string, Stored<State.Observation>]> = []
  const wrappers: Array<readonly [string, Stored<State.WrapperConfirmation>]> = []
  const inspections: Array<readonly [string, Stored<State.Inspection>]> = []
  const drops: Array<readonly [string, Stored<State.UnansweredDrops>]> = []
  const tables: Array<readonly [string, Stored<State.Table>]> = []
  const groups: Array<readonly [string, Stored<State.Group>]> = []
  const operations: Array<readonly [string, Stored<State.Operation>]> = []
  const requests: Array<readonly [string, Stored<State.Request>]> = []
  const steps = new Map<string, Array<Stored<State.StepRow>>>()
  let registry: Stored<State.Registry> | undefined
  let lease: Stored<State.Lease> | undefined
  let restart: Stored<State.RestartToken> | undefined
  let leaving: Stored<State.LeavingLock> | undefined
  let finished: Stored<State.Finished> | undefined

  const take = <A>(
    entry: RawEntry,
    decoder: (value: unknown) => Exit.Exit<A, Schema.SchemaError>,
    use: (stored: Stored<A>) => void,
  ) => {
    const stored = decode(entry, decoder)
    if (typeof stored === "string") damaged.push({ key: entry.key, reason: stored })
    else use(stored)
  }

  for (const entry of entries) {
    const slash = entry.key.indexOf("/")
    const kind = slash < 0 ? entry.key : entry.key.slice(0, slash)
    const name = entry.key.slice(slash + 1)
    switch (kind) {
      case "registry":
        take(entry, decoders.registry, (stored) => (registry = stored))
        break
      case "lease":
        take(entry, decoders.lease, (stored) => (lease = stored))
        break
      case "leaving":
        take(entry, decoders.leaving, (stored) => (leaving = stored))
        break
      case "restart":
        take(entry, decoders.restart, (stored) => (restart = stored))
        break
      case "finished":
        take(entry, decoders.finished, (stored) => (finished = stored))
        break
      case "heartbeat":
        heartbeats.push([name, entry.version])
        break
      case "observation":
        take(entry, decoders.observation, (stored) => observations.push([name, stored]))
        break
      case "wrapper":
        take(entry, decoders.wrapper, (stored) => wrappers.push([name, stored]))
        break
      case "inspection":
        take(entry, decoders.inspection, (stored) => inspections.push([name, stored]))
        break
      case "drops":
        take(entry, decoders.drops, (stored) => drops.push([name, stored]))
        break
      case "table":
        take(entry, decoders.table, (stored) => tables.push([name, stored]))
        break
      case "group":
        take(entry, decoders.group, (stored) => groups.push([name, stored]))
        break
      case "operation":
        take(entry, decoders.operation, (stored) => operations.push([name, stored]))
        break
      case "request":
        take(entry, decoders.request, (stored) => requests.push([name, stored]))
        break
      case "step":
        take(entry, decoders.step, (stored) => {
          const list = steps.get(stored.record.operation)
          if (list === undefined) steps.set(stored.record.operation, [stored])
          else list.push(stored)
        })
        break
      default:
        damaged.push({ key: entry.key, reason: "a key of no known kind" })
    }
  }
  return {
    registry,
    lease,
    restart,
    leaving,
    finished,
    heartbeats: new Map(heartbeats),
    observations: asBefore(observations, before?.observations),
    wrappers: asBefore(wrappers, before?.wrappers),
    inspections: asBefore(inspections, before?.inspections),
    drops: asBefore(drops, before?.drops),
    tables: asBefore(tables, before?.tables),
    groups: asBefore(groups, before?.groups),
    operations: asBefore(operations, before?.operations),
    steps: sortedSteps(steps, before?.steps),
    requests: asBefore(requests, before?.requests),
    damaged: damaged.length === 0 && before?.damaged.length === 0 ? before.damaged : damaged,
  }
}
