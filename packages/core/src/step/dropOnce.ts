/**
 * How a copy is dropped. A DROP that was sent is not sent again while it may still take effect (safety rule 8): the second
 * one would end the step, and the first one could take whatever came to the node under that name since, such as a single
 * copy that moved back. So what got no answer is noted in a record of the node, and is over when the table is gone, or when
 * the daemon was restarted.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { monotonicMs } from "../Monotonic.ts"
import { Mutations } from "../Mutation.ts"
import * as Sql from "../Sql.ts"
import { Key } from "../State.ts"
import { CurrentStep, query, restartDaemon } from "./CurrentStep.ts"
import { retry, verdict } from "./Outcome.ts"

/** Tables of this node of which a DROP is on its way for all that is known. */
const unanswered = Effect.gen(function* () {
  const { node, refresh } = yield* CurrentStep
  return (yield* refresh).drops.get(node)
})

const note = Effect.fnUntraced(function* (tables: ReadonlyArray<string>) {
  const { node, store, term } = yield* CurrentStep
  const stored = yield* unanswered
  if (stored === undefined) yield* store.create(Key.drops(node), { tables }, { term })
  else yield* store.compareAndSet(stored, { tables }, { term })
})

/** Takes tables that are gone off the list: of each a single DROP was on its way, and has taken effect. */
export const settleDrops = Effect.fnUntraced(function* (held: ReadonlySet<string>) {
  const known = (yield* unanswered)?.record.tables ?? []
  const left = known.filter((table) => held.has(table))
  if (left.length < known.length) yield* note(left)
})

/** Drops a table that this node holds; undefined if that was answered with a success. */
export const dropOnce = Effect.fnUntraced(function* (table: string) {
  const { sent } = yield* CurrentStep
  const known = (yield* unanswered)?.record.tables ?? []
  if (known.includes(table) && !(yield* Mutations).has("repeat-drops")) {
    if (!sent.restart) return yield* awaitDrop(table)
    // Whatever the daemon worked on ended with its process.
    yield* note(known.filter((each) => each !== table))
    return retry("daemon-restarting", `the DROP of ${table} ended with the daemon`)
  }
  const answer = yield* query(Sql.dropTable(table))
  // A connection that broke was broken by the daemon, which ended or works on nothing for it any more.
  const isOpen = answer._tag === "NoAnswer" && answer.reason === "timeout"
  if (isOpen) {
    sent.restart = false
    if (!known.includes(table)) yield* note([...known, table])
  }
  return verdict(answer, "DROP TABLE")
})

const awaitDrop = Effect.fnUntraced(function* (table: string) {
  const { config, startedMs } = yield* CurrentStep
  const waitedMs = (yield* monotonicMs) - startedMs
  return waitedMs < Duration.toMillis(config.joinTimeout)
    ? retry("daemon-silent", `a DROP of ${table} was sent and has taken no effect yet`)
    : yield* restartDaemon(`a DROP of ${table} has taken no effect`)
})
