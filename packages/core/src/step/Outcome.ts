/**
 * How a run of a handler ends.
 */
import type { Answer } from "../Answer.ts"
import { failureOf } from "../ErrorClass.ts"

/** How a run of a handler ended. */
export type Outcome =
  | { readonly _tag: "Done"; readonly detail: string }
  | { readonly _tag: "Retry"; readonly reason: string }
  | { readonly _tag: "Failed"; readonly error: string }

/** The postcondition holds. */
export const done = (detail = ""): Outcome => ({ _tag: "Done", detail })

/** Not possible now. */
export const retry = (reason: string): Outcome => ({ _tag: "Retry", reason })

/** Not possible at all. */
export const failed = (error: string): Outcome => ({ _tag: "Failed", error })

/** A success, or a retry that says why not; a plain error of logic fails the step. */
export const verdict = (answer: Answer, what: string): Outcome | undefined => {
  const failure = failureOf(answer)
  if (failure === undefined) return undefined
  const text = `${what}: ${failure.message}`
  return failure.class === "logic" ? failed(text) : retry(text)
}
