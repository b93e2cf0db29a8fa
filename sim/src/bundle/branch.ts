/**
 * When did a failure become likely? The run is the same up to some moment, and from there on everything that chance
 * decides is drawn anew. If all of these runs fail, what leads to the failure had happened by then.
 */
import { gravestOf } from "../run/ScenarioResult.ts"
import { type Bundle, type BundleRunOptions, runBundle } from "./Bundle.ts"

/** How one branch ended. */
export interface BranchOutcome {
  readonly atMs: number
  readonly seed: number
  /** `same`: with the same class and checker. */
  readonly end: "passed" | "same" | "other"
}

/** Runs one branch. `failure` is what it is compared with. */
export const runBranch = (
  run: Pick<Bundle, "scenario" | "seed" | "mode">,
  failure: Pick<Bundle["failure"], "class" | "checker">,
  { atMs, seed }: Pick<BranchOutcome, "atMs" | "seed">,
  options: BundleRunOptions = {},
): BranchOutcome => {
  const result = runBundle(run, {
    stopAtViolation: true,
    untraced: true,
    ...options,
    branch: { atMicros: atMs * 1000, seed },
  })
  if (result.passed) return { atMs, seed, end: "passed" }
  const { class: kind, checker } = gravestOf(result)
  return { atMs, seed, end: kind === failure.class && checker === failure.checker ? "same" : "other" }
}
