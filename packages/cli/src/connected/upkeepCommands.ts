/**
 * What keeps a cluster well: how it is, and what helps.
 */
import { findings, type Finding } from "@shardwright/core/Findings"
import { cleanUpNow } from "@shardwright/core/Leftovers"
import type * as Operator from "@shardwright/core/Operator"
import { rfProblem } from "@shardwright/core/TableWish"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen, type ScreenShape } from "../cli/Screen.ts"
import { counted } from "../cli/text.ts"
import { connected, operatorError } from "./Connection.ts"
import type { Confirmed, ConnectionOptions, RequestOptions } from "./flags.ts"
import { ask, asks } from "./requests.ts"
import { lookAt } from "./showing.ts"

/** `adopt` */
export const adopt = Effect.fnUntraced(function* (
  options: RequestOptions & { readonly rf: Option.Option<Readonly<Record<string, string>>> },
) {
  const rf: Record<string, number> = {}
  for (const [table, text] of Object.entries(Option.getOrElse(options.rf, () => ({})))) {
    const problem = rfProblem(Number(text))
    if (problem !== undefined) return yield* badInput(`--rf ${table}=${text}: ${problem}`)
    rf[table] = Number(text)
  }
  yield* ask(options, { _tag: "Adopt", rf })
})

/** What is amiss on the cluster, as far as the node that is asked sees it. */
export const findingsOf = (
  { away, isCurrent, seen, view }: Operator.Looked,
  { config }: Operator.OperatorOptions,
): ReadonlyArray<Finding> =>
  findings(view, { presence: { away, lost: new Set() }, config, coordination: seen, isCurrent })

const printFindings = (screen: ScreenShape, found: ReadonlyArray<Finding>): void => {
  for (const { code, detail, recommendation, severity, subject } of found) {
    screen.print(`${severity === "info" ? severity : screen.paint.bad(severity)}  ${code}  ${subject}: ${detail}`)
    screen.print(`    ${recommendation}`)
  }
}

/** `health` */
export const health = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const found = yield* connected(options, (operator) =>
    Effect.map(lookAt(operator), (looked) => findingsOf(looked, operator)),
  )
  const isHealthy = found.every(({ severity }) => severity === "info")
  if (!isHealthy) outcome.add(ExitCode.correctness)
  if (options.json) return screen.print(JSON.stringify({ healthy: isHealthy, findings: found }))
  if (found.length === 0) return screen.print(screen.paint.good("all is well"))
  printFindings(screen, found)
}, operatorError)

/** `repair`: what can be repaired now is, and what is still amiss afterwards is told. */
export const repair = Effect.fnUntraced(function* (options: RequestOptions) {
  const screen = yield* Screen
  const asked = yield* asks(options, { _tag: "Repair" })
  const found = yield* connected(options, (operator) =>
    Effect.map(lookAt(operator), (looked) => findingsOf(looked, operator)),
  )
  if (options.json) return screen.print(JSON.stringify({ ...asked.document, findings: found }))
  for (const line of asked.lines) screen.print(line)
  if (found.length > 0) screen.print("still amiss:")
  printFindings(screen, found)
}, operatorError)

/** As long as leaders keep records of what is over; see `stateRetention`. */
const ageDefault = Duration.days(30)

/** `cleanup` */
export const cleanup = Effect.fnUntraced(function* (
  options: ConnectionOptions &
    Confirmed & { readonly dryRun: boolean; readonly olderThan: Option.Option<Duration.Duration> },
) {
  const screen = yield* Screen
  const { dryRun, json, olderThan } = options
  const age = Option.getOrElse(olderThan, () => ageDefault)
  if (!dryRun && Option.isSome(olderThan))
    yield* confirm(options, "Records of operations that are over are deleted: their history goes with them")
  const { leftovers, records, silent } = yield* connected(options, (operator) =>
    cleanUpNow({ ...operator, age, dryRun }),
  )
  const total = Object.values(records).reduce((sum, count) => sum + count, 0)
  if (json) return screen.print(JSON.stringify({ dryRun, records, leftovers, silent }))
  const kinds = Object.entries(records).map(([kind, count]) => counted(count, kind))
  const which = `${counted(total, "record")} of what is over`
  if (total === 0) screen.print("no record is old enough to go")
  else screen.print(`${which} ${dryRun ? "would be" : total === 1 ? "is" : "are"} deleted: ${kinds.join(", ")}`)
  for (const { detail, kind, subject, waitsFor } of leftovers) {
    screen.print(`${kind}  ${subject}: ${detail}`)
    screen.print(`    waits for ${waitsFor}`)
  }
  if (leftovers.length === 0) screen.print("nothing else is left behind")
  if (silent.length > 0) screen.print(`not known is what these hold, which did not answer: ${silent.join(", ")}`)
}, operatorError)
