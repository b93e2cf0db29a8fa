/** A scenario that needs no chaos around it: run by itself, at best with its timeline as it was carried out. */
import * as Duration from "effect/Duration"
import { resolveTimeline } from "../../bundle/resolve.ts"
import type { Search } from "../Search.ts"

/** Takes the budget of chaos away, which decides when faults happen and which are left out. */
export const withoutChaos = (search: Search): void => {
  const { current, decisions } = search
  if (current.mode === "scenario") return
  const plain = { ...current, mode: "scenario" } as const
  const resolved = { ...plain, scenario: resolveTimeline(current.scenario, decisions) }
  if (search.tryCandidate(plain) || search.tryCandidate(resolved)) return
  // Clients of chaos go on until they have written enough, and then the wait for rest begins. To let them write until the run
  // is cut off would be a failure of its own.
  const { atMs, class: kind } = search.failure
  const waitedMs = kind === "liveness" ? Duration.toMillis(current.scenario.quiesce) : 0
  const until = Duration.millis(Math.max(1000, atMs - waitedMs))
  const workloads = current.scenario.workloads.map((workload) => ({ ...workload, until: workload.until ?? until }))
  for (const { scenario } of [plain, resolved])
    if (search.tryCandidate({ ...plain, scenario: { ...scenario, workloads } })) return
}
