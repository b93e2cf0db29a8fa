/**
 * `plan show` and `plan explain`: the plan of an operation as its records have it.
 */
import type { StepRow } from "@shardwright/core/State"
import { longestChain, storedPlan, type StoredPlan } from "@shardwright/core/StoredPlan"
import type { Step } from "@shardwright/core/step/Step"
import * as Effect from "effect/Effect"
import { Screen } from "../cli/Screen.ts"
import { connected, operatorError } from "./Connection.ts"
import { progressText } from "./describeOperation.ts"
import type { ConnectionOptions } from "./flags.ts"
import { noOperation, show } from "./showing.ts"

/** What a step is about. */
const subjectOf = (step: Step): string => {
  if ("physical" in step) return step.physical
  const tables = "tables" in step ? step.tables.join(" ") : "table" in step ? step.table : ""
  if (step._tag === "MoveShards")
    return `${step.from} → ${step.to}: ${step.shards.map(({ physical }) => physical).join(" ")}`
  return "group" in step && step.group !== null ? `${step.group} ${tables}`.trim() : tables
}

const stepDocument = ({ dependsOn, error, expects, index, node, status, step, tries, undoes, waiting }: StepRow) => ({
  index,
  node,
  kind: step._tag,
  subject: subjectOf(step),
  dependsOn,
  status,
  tries,
  undoes,
  expectedRows: expects?.rows ?? null,
  expectedBytes: expects?.bytes ?? null,
  error,
  waiting: waiting ?? null,
})

const planDocument = ({ operation, progress, steps }: StoredPlan) => ({
  id: operation.id,
  kind: operation.kind,
  table: operation.table,
  status: operation.status,
  reason: operation.reason,
  cost: operation.cost ?? null,
  explanation: operation.explanation ?? [],
  longestChain: longestChain(steps),
  progress,
  steps: steps.map(stepDocument),
})

const planOf = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly operation: string }) {
  const plan = yield* connected(options, (operator) => storedPlan({ ...operator, operation: options.operation }))
  if (plan !== undefined) return plan
  return yield* noOperation(options.operation)
})

const costText = ({ operation: { cost, steps } }: StoredPlan): string => {
  if (cost === undefined) return `${steps} steps`
  const { bytes, criticalPath, replicas, rows } = cost
  const sizes = [rows === null ? "" : `, ${rows} rows`, bytes === null ? "" : `, about ${bytes} bytes`].join("")
  return `${cost.steps} steps, ${criticalPath} of them one after another; ${replicas} replicas are copied${sizes}`
}

/** `plan show OPERATION`: its steps. */
export const planShow = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly operation: string }) {
  const screen = yield* Screen
  const plan = yield* planOf(options)
  if (!options.json) {
    screen.print(progressText(plan))
    screen.print(`${plan.operation.reason}; ${costText(plan)}`)
    if (plan.steps.length < plan.operation.steps)
      screen.print(`the rows of ${plan.operation.steps - plan.steps.length} steps have been deleted`)
  }
  yield* show(options, planDocument(plan), [
    ["step", "status", "node", "does", "of", "after"],
    ...plan.steps.map(({ dependsOn, index, node, status, step, undoes, waiting }) => [
      String(index),
      status,
      node ?? "the leader",
      undoes === null ? step._tag : `${step._tag} (undoes ${undoes})`,
      subjectOf(step),
      `${dependsOn.join(" ")}${waiting === undefined || waiting === null ? "" : `  waits: ${waiting.code}, ${waiting.detail}`}`,
    ]),
  ])
}, operatorError)

/** `plan explain OPERATION`: why each thing changes, what it takes, and what it waits for. */
export const planExplain = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly operation: string }) {
  const screen = yield* Screen
  const plan = yield* planOf(options)
  if (options.json) return screen.print(JSON.stringify(planDocument(plan)))
  const { operation, progress, steps } = plan
  screen.print(progressText(plan))
  screen.print(`what: ${operation.reason}`)
  screen.print(`takes: ${costText(plan)}`)
  for (const line of operation.explanation ?? []) screen.print(`why: ${line}`)
  const chain = longestChain(steps)
  if (chain.length > 0) {
    screen.print("the longest chain, which no number of nodes makes shorter:")
    for (const index of chain) {
      const row = steps.find((step) => step.index === index)
      if (row !== undefined)
        screen.print(`  ${index}  ${row.status}  ${row.node ?? "the leader"}  ${row.step._tag} ${subjectOf(row.step)}`)
    }
  }
  const waiting = progress?.waiting ?? null
  if (waiting !== null) screen.print(`waits: ${waiting.code}, ${waiting.detail}`)
}, operatorError)
