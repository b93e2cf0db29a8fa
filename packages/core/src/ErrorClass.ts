/**
 * What an answer means: whether the statement took effect, and which class of error it is. One table for all errors,
 * by text, because the server uses one errno for nearly everything.
 */
import type { Answer } from "./Answer.ts"
import type { WaitCode } from "./operation/WaitCode.ts"

/** Classes of errors; the class decides what is done next. */
export type ErrorClass = "network" | "timeout" | "resource" | "logic" | "state" | "cluster"

/** What is done about an error of a class. There is no bound of tries: a deadline of the operation decides, or a person. */
export interface Policy {
  /** What a step waits for meanwhile; null: it fails, because trying again changes nothing. */
  readonly waitsFor: WaitCode | null
  /** The first pause and the longest one, in milliseconds; each is twice the one before. */
  readonly pauseMsMin: number
  readonly pauseMsMax: number
}

/** By class, in one place. */
export const policies: Readonly<Record<ErrorClass, Policy>> = {
  // Nobody answers: a restart of a daemon takes seconds.
  network: { waitsFor: "daemon-silent", pauseMsMin: 250, pauseMsMax: 4000 },
  // It may still take effect, and whoever is slow is not helped by more of the same.
  timeout: { waitsFor: "daemon-silent", pauseMsMin: 500, pauseMsMax: 8000 },
  // Disk, ports, memory: somebody must make room.
  resource: { waitsFor: "resource-short", pauseMsMin: 2000, pauseMsMax: 30_000 },
  // What was asked is wrong.
  logic: { waitsFor: null, pauseMsMin: 0, pauseMsMax: 0 },
  // Somebody was faster: look again soon.
  state: { waitsFor: "state-conflict", pauseMsMin: 250, pauseMsMax: 2000 },
  // Members find each other again within seconds.
  cluster: { waitsFor: "cluster-blocked", pauseMsMin: 250, pauseMsMax: 4000 },
}

/** For what was looked at and is not so yet. */
export const lookAgain: Policy = { waitsFor: null, pauseMsMin: 250, pauseMsMax: 4000 }

/** Pause before another try, in milliseconds. `drawn` from 0 to 1 spreads those who began together, by a tenth. */
export const pauseMsOf = (policy: Policy, tries: number, drawn: number): number => {
  const pauseMs = Math.min(policy.pauseMsMin * 2 ** Math.min(tries, 20), policy.pauseMsMax)
  return Math.round(pauseMs * (0.9 + 0.2 * drawn))
}

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
  [/already exists|unknown cluster|unknown table|duplicate id|is (already |a )?part of cluster/, "none", "state"],
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
