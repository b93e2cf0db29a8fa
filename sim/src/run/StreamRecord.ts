/** What a stream of a scenario remembers: its ids by what became of them. */
import type { Answer } from "@shardwright/core/Answer"
import type { StreamOutcome } from "../scenario/Condition.ts"
import type { StreamSpec } from "../scenario/Scenario.ts"

/** What an answer says to a naive client, who takes every error for a refusal. */
export const outcomeOfAnswer = (answer: Answer): StreamOutcome => {
  switch (answer._tag) {
    case "Ok":
      return answer.affectedRows > 0 ? "acknowledged" : "refused"
    case "Rows":
      return answer.rows.length > 0 ? "acknowledged" : "refused"
    case "Refused":
      return "refused"
    case "NoAnswer":
      return answer.reason === "connection refused" ? "refused" : "unknown"
  }
}

/** The ids of one stream. */
export class StreamRecord {
  readonly spec: StreamSpec
  readonly acknowledged = new Set<number>()
  readonly refused = new Set<number>()
  readonly unknown = new Set<number>()
  /** How long acknowledged statements took. */
  readonly latenciesMicros: Array<number> = []

  constructor(spec: StreamSpec) {
    this.spec = spec
  }

  /** Remembers what became of a row. */
  add(id: number, answer: Answer, tookMicros: number): void {
    const outcome = outcomeOfAnswer(answer)
    this[outcome].add(id)
    if (outcome === "acknowledged") this.latenciesMicros.push(tookMicros)
  }
}
