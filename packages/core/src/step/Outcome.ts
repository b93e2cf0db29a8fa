/**
 * How a run of a handler ends.
 */
import type { Answer } from "../Answer.ts"
import { type ErrorClass, failureOf } from "../ErrorClass.ts"
import { type Wait, wait, type WaitCode } from "../operation/WaitCode.ts"

/** How a run of a handler ended. */
export type Outcome =
  | { readonly _tag: "Done"; readonly detail: string }
  | { readonly _tag: "Retry"; readonly wait: Wait }
  | { readonly _tag: "Failed"; readonly error: string }

/** The postcondition holds. */
export const done = (detail = ""): Outcome => ({ _tag: "Done", detail })

/** Not possible now, for a reason from the documented list. */
export const retry = (code: WaitCode, detail: string): Outcome => retryFor(wait(code, detail))

/** Not possible now. */
export const retryFor = (reason: Wait): Outcome => ({ _tag: "Retry", wait: reason })

/** Not possible at all. */
export const failed = (error: string): Outcome => ({ _tag: "Failed", error })

/** What a step waits for when a statement failed with an error of a class; errors of logic are not waited out. */
const waitCodeOf: Readonly<Record<Exclude<ErrorClass, "logic">, WaitCode>> = {
  network: "daemon-silent",
  timeout: "daemon-silent",
  resource: "resource-short",
  state: "state-conflict",
  cluster: "cluster-blocked",
}

/** A success, or a retry that says why not; a plain error of logic fails the step. */
export const verdict = (answer: Answer, what: string): Outcome | undefined => {
  const failure = failureOf(answer)
  if (failure === undefined) return undefined
  const text = `${what}: ${failure.message}`
  return failure.class === "logic" ? failed(text) : retry(waitCodeOf[failure.class], text)
}
