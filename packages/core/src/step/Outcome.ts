/**
 * How a run of a handler ends.
 */
import type { Answer } from "../Answer.ts"
import { failureOf, lookAgain, policies, type Policy } from "../ErrorClass.ts"
import { type Wait, wait, type WaitCode } from "../operation/WaitCode.ts"

/** How a run of a handler ended. */
export type Outcome =
  | { readonly _tag: "Done"; readonly detail: string; readonly rows?: number }
  | { readonly _tag: "Retry"; readonly wait: Wait; readonly policy: Policy }
  | { readonly _tag: "Failed"; readonly error: string }

/** The postcondition holds. */
export const done = (detail = "", rows?: number): Outcome => ({
  _tag: "Done",
  detail,
  ...(rows === undefined ? {} : { rows }),
})

/** Not possible now, for a reason from the documented list. */
export const retry = (code: WaitCode, detail: string): Outcome => retryFor(wait(code, detail))

/** Not possible now. */
export const retryFor = (reason: Wait): Outcome => ({ _tag: "Retry", wait: reason, policy: lookAgain })

/** Not possible at all. */
export const failed = (error: string): Outcome => ({ _tag: "Failed", error })

/** A success, or a retry that says why not; a plain error of logic fails the step. */
export const verdict = (answer: Answer, what: string): Outcome | undefined => {
  const failure = failureOf(answer)
  if (failure === undefined) return undefined
  const text = `${what}: ${failure.message}`
  const policy = policies[failure.class]
  return policy.waitsFor === null ? failed(text) : { _tag: "Retry", wait: wait(policy.waitsFor, text), policy }
}
