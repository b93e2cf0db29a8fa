/**
 * What an answer means: whether the statement took effect, and which class of error it is. One table for all errors,
 * by text, because the server uses one errno for nearly everything.
 */
import type { Answer } from "./Answer.ts"

/** Classes of errors; the class decides what is done next. */
export type ErrorClass = "network" | "timeout" | "resource" | "logic" | "state" | "cluster"

/** `refused`: no effect. `unknown`: it may have taken effect, or still will. */
export interface Failure {
  readonly effect: "none" | "unknown"
  readonly class: ErrorClass
  readonly message: string
}

const rules: ReadonlyArray<readonly [RegExp, Failure["effect"], ErrorClass]> = [
  // A lost quorum: the row may be stored all the same (semantics 44).
  [/error at PostRollback, code \d+ .*seqno -1/, "unknown", "cluster"],
  // The loser of a race (semantics 25).
  [/error at PostRollback/, "none", "state"],
  [/is not ready|cluster is not primary|failed to fetch donor user|no nodes available/, "none", "cluster"],
  // The state transfer of a JOIN broke off: nothing is left of it, and the next one may succeed.
  [/replication connection failed/, "none", "cluster"],
  [/retries limit exceeded|query timed out|connect and query timed out/, "unknown", "cluster"],
  [/no replication ports available|No space left|cannot access directory/, "none", "resource"],
  [
    /already exists|unknown cluster|unknown table|duplicate id|is part of cluster|is a part of cluster/,
    "none",
    "state",
  ],
]

/** The failure in an answer, or undefined if it is a success. */
export const failureOf = (answer: Answer): Failure | undefined => {
  switch (answer._tag) {
    case "Rows":
    case "Ok":
      return undefined
    case "NoAnswer":
      return answer.reason === "connection refused"
        ? { effect: "none", class: "network", message: "connection refused" }
        : { effect: "unknown", class: answer.reason === "timeout" ? "timeout" : "network", message: answer.reason }
    case "Refused": {
      for (const [pattern, effect, errorClass] of rules) {
        if (pattern.test(answer.message)) return { effect, class: errorClass, message: answer.message }
      }
      return { effect: "none", class: "logic", message: answer.message }
    }
  }
}
