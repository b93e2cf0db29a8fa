/** Writes of clients, gathered second by second from what their models count. */
import type { ClientModel } from "../workload/ClientModel.ts"
import type { WriteSample } from "./Recording.ts"

const bucketMs = 1000

/** What a model had counted when it was last looked at. */
interface Seen {
  acknowledged: number
  refused: number
  unknown: number
  latencies: number
}

/** The value that so many of a hundred are not above. */
const percentile = (sorted: ReadonlyArray<number>, percent: number): number | null =>
  sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null

export class Writes {
  /** Models stay after their table is dropped. */
  readonly #models = new Map<ClientModel, Seen>()
  readonly #samples: Array<WriteSample> = []
  #bucket = 0
  #latenciesMs: Array<number> = []
  #counts = { acknowledged: 0, refused: 0, unknown: 0 }

  /** To be called often: what has come since belongs to this moment. */
  look(atMs: number, models: Iterable<ClientModel>): void {
    const bucket = Math.floor(atMs / bucketMs)
    if (bucket !== this.#bucket) {
      this.#close()
      this.#bucket = bucket
    }
    for (const model of models)
      if (!this.#models.has(model)) this.#models.set(model, { acknowledged: 0, refused: 0, unknown: 0, latencies: 0 })
    for (const [model, seen] of this.#models) {
      for (const count of ["acknowledged", "refused", "unknown"] as const) {
        this.#counts[count] += model[count] - seen[count]
        seen[count] = model[count]
      }
      for (; seen.latencies < model.latenciesMicros.length; seen.latencies++)
        this.#latenciesMs.push((model.latenciesMicros[seen.latencies] ?? 0) / 1000)
    }
  }

  /** All samples, one a second. */
  samples(): ReadonlyArray<WriteSample> {
    this.#close()
    return this.#samples
  }

  #close(): void {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b)
    this.#samples.push({
      atMs: this.#bucket * bucketMs,
      ...this.#counts,
      p50: percentile(sorted, 50),
      p99: percentile(sorted, 99),
    })
    this.#counts = { acknowledged: 0, refused: 0, unknown: 0 }
    this.#latenciesMs = []
  }
}
