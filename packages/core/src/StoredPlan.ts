/**
 * The plan of an operation as its records have it: all steps, also those of operations that are over.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { look, type OperatorOptions, operatorStore, told } from "./Operator.ts"
import { type Progress, progressOf } from "./operation/progress.ts"
import { Key, Operation, StepRow } from "./State.ts"
import type { View } from "./View.ts"

/** An operation with its steps, in the order of their index. */
export interface StoredPlan {
  readonly operation: Operation
  /** Null once it is over. */
  readonly progress: Progress | null
  /** Fewer than `operation.steps` once the rows of the others were deleted. */
  readonly steps: ReadonlyArray<StepRow>
}

/** Rows that are read at a time. */
const readsAtOnce = 8

const decodeStep = Schema.decodeUnknownExit(StepRow)

/** The id of an operation, which is named by it, or by a table on which it is under way or ended last. */
export const operationNamed = (view: View, name: string): string => {
  if (view.operations.has(name)) return name
  const live = [...view.operations.values()].find(({ record }) => record.tables.includes(name))
  const ended = view.finished?.record.operations.findLast(({ id, tables }) => id === name || tables.includes(name))
  return live?.record.id ?? ended?.id ?? name
}

/** The plan of an operation, which is named by its id or a table; undefined if there is none. */
export const storedPlan = Effect.fnUntraced(
  function* (options: OperatorOptions & { readonly operation: string }) {
    const store = yield* operatorStore(options)
    const { view, away } = yield* look(options)
    const id = operationNamed(view, options.operation)
    const entry = yield* store.get(Key.operation(id))
    if (entry === undefined) return undefined
    const operation = Schema.decodeUnknownSync(Operation)(entry.value)
    const listed = view.steps.get(id)?.map(({ record }) => record)
    const isListed = view.operations.has(id)
    const rows =
      isListed && listed !== undefined
        ? listed
        : yield* Effect.forEach(
            Array.from({ length: operation.steps }, (_, index) => index),
            (index) => store.get(Key.step(id, index)),
            { concurrency: readsAtOnce },
          ).pipe(
            Effect.map((entries) =>
              entries.flatMap((row) => {
                const step = row === undefined ? undefined : decodeStep(row.value)
                return step !== undefined && Exit.isSuccess(step) ? [step.value] : []
              }),
            ),
          )
    const nowMs = yield* Clock.currentTimeMillis
    const plan: StoredPlan = {
      operation,
      progress: isListed ? progressOf(view, operation, nowMs, away) : null,
      steps: rows.toSorted((left, right) => left.index - right.index),
    }
    return plan
  },
  (effect, options) => Effect.catchTag(effect, "StoreUnavailable", (error) => told(error, options)),
)

/** The longest chain of steps that depend on each other, from the first to the last. Undo steps are left out. */
export const longestChain = (steps: ReadonlyArray<StepRow>): ReadonlyArray<number> => {
  const chains = new Map<number, ReadonlyArray<number>>()
  let longest: ReadonlyArray<number> = []
  for (const { dependsOn, index, undoes } of steps) {
    if (undoes !== null) continue
    let before: ReadonlyArray<number> = []
    for (const earlier of dependsOn) {
      const chain = chains.get(earlier) ?? []
      if (chain.length > before.length) before = chain
    }
    const chain = [...before, index]
    chains.set(index, chain)
    if (chain.length > longest.length) longest = chain
  }
  return longest
}
