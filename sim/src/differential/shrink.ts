/** Makes a sequence that shows a difference shorter: leaves out steps for as long as the difference stays. */
import type { Sequence } from "./Sequence.ts"

/**
 * Asks for one sequence after another to be run, takes whether it still shows the difference, and returns the shortest
 * that does. `runs` bounds how many are run. The steps that start the nodes are never left out.
 */
export function* shrink(sequence: Sequence, runs: number): Generator<Sequence, Sequence, boolean> {
  let best = sequence
  let left = runs
  for (let chunk = Math.ceil(best.steps.length / 2); chunk >= 1; chunk = Math.floor(chunk / 2)) {
    for (let from = 0; from < best.steps.length;) {
      if (left === 0) return best
      const steps = best.steps.filter((_, index) => index < sequence.nodes || index < from || index >= from + chunk)
      if (steps.length === best.steps.length) {
        from += chunk
        continue
      }
      left--
      if (yield { ...best, steps }) best = { ...best, steps }
      else from += chunk
    }
  }
  return best
}
