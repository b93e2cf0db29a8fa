/**
 * How the leader writes an operation's record when its status changes: by the table of transitions, with a line in its
 * history, by compare-and-set.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Mutations } from "../Mutation.ts"
import {
  anyTransition,
  type Author,
  type IllegalTransition,
  transitions,
  transitionThrough,
} from "../operation/transitions.ts"
import type { Operation, OperationStatus } from "../State.ts"
import type { Conflict, Entry, StoreUnavailable } from "../StateStore.ts"
import type { LeaderContext } from "./LeaderContext.ts"

/** What is written with a change of status. */
export interface StatusWrite {
  /** Who asked for it; absent: the engine on this node. */
  readonly by?: string
  readonly why: string
  /** Other parts of the record. */
  readonly patch?: Partial<Omit<Operation, "status" | "history">>
  /** False: the operation leaves the listing. */
  readonly live?: boolean
}

/** The engine as an author of changes. */
export const engineOn = (node: string): string => `shardwright@${node}`

/** An author for a change that is made now. */
export const authorNow = (context: LeaderContext, by: string | undefined, why: string): Effect.Effect<Author> =>
  Effect.map(Clock.currentTimeMillis, (atMs) => ({ atMs, by: by ?? engineOn(context.node), why }))

/** The table of transitions, unless a mutant is to do without it. */
export const transitionTable = Effect.map(Mutations, (mutations) =>
  mutations.has("ignore-transitions") ? anyTransition : transitions,
)

/** Writes the operation with the status that it has after all the given ones. */
export const changeStatus = Effect.fnUntraced(function* (
  context: LeaderContext,
  entry: Entry,
  operation: Operation,
  through: ReadonlyArray<OperationStatus>,
  { by, why, patch, live }: StatusWrite,
): Effect.fn.Return<Operation, IllegalTransition | Conflict | StoreUnavailable> {
  const author = yield* authorNow(context, by, why)
  const changed = transitionThrough(operation, through, author, yield* transitionTable)
  if (Result.isFailure(changed)) return yield* changed.failure
  const next = { ...changed.success, ...patch }
  const { term } = context
  yield* context.store.compareAndSet(entry, next, { term, ...(live === undefined ? {} : { live }) })
  return next
})
