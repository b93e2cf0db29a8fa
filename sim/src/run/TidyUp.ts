/**
 * What people do when a day of chaos is over: what they have paused goes on, and what they have stopped is let go, so that
 * the cluster may come to rest.
 */
import type { Operators } from "./Operators.ts"
import type { Simulation } from "./Simulation.ts"

/** Asks once for each operation that only people can bring on. */
export class TidyUp {
  readonly #simulation: Simulation
  readonly #operators: Operators
  readonly #asked = new Set<string>()

  constructor(simulation: Simulation, operators: Operators) {
    this.#simulation = simulation
    this.#operators = operators
  }

  /** Looks for such operations; true if there are any. */
  look(): boolean {
    const view = this.#simulation.state.view()
    const paused = [...view.operations.values()].filter(({ record }) => record.status === "paused")
    const held = view.finished?.record.operations.filter((item) => item.held) ?? []
    for (const { record } of paused) {
      const pauses = record.history.filter((change) => change.status === "paused").length
      this.#once(`resume operation ${record.id} (${pauses})`, () => ({ _tag: "Resume", operation: record.id }))
    }
    for (const { id } of held) {
      this.#once(`reset operation ${id}`, () => ({ _tag: "Reset", operation: id, start: false }))
    }
    return paused.length > 0 || held.length > 0
  }

  #once(what: string, wish: () => Parameters<Operators["submit"]>[1]): void {
    if (this.#asked.has(what)) return
    this.#asked.add(what)
    this.#operators.submit(what, wish())
  }
}
