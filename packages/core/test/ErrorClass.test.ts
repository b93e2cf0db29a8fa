import { describe, expect, it } from "vitest"
import { noAnswer, ok, refused, rows } from "../src/Answer.ts"
import { failureOf, pauseMsOf, policies } from "../src/ErrorClass.ts"

/** Texts as recorded from a real server; see the transcripts named in each line. */
const recorded: ReadonlyArray<readonly [string, "none" | "unknown", string]> = [
  // failure/kill-one-of-two; stored all the same in partition/unknown-outcome
  ["error at PostRollback, code 3 (transaction aborted, server can continue), seqno -1", "unknown", "cluster"],
  // cluster-race/cas-by-id
  ["error at PostRollback, code 3 (transaction aborted, server can continue), seqno 17", "none", "state"],
  ["cluster 'c' is not ready, not primary state (synced)", "none", "cluster"],
  ["can not exit cluster 'c': cluster is not primary", "none", "cluster"],
  ["cluster 'c', failed to fetch donor user from any node", "none", "cluster"],
  ["'n3:9312': retries limit exceeded", "unknown", "cluster"],
  // cluster-basic/join
  ["replication connection failed: 7 'error in node state, must reinit'", "none", "cluster"],
  ["no replication ports available, add replication listener", "none", "resource"],
  ["failed to create desc: cluster 'c' already exists", "none", "state"],
  ["unknown cluster 'c'", "none", "state"],
  ["P03: syntax error, unexpected IF near 'IF NOT EXISTS c'", "none", "logic"],
]

describe("failureOf", () => {
  it.each(recorded)("%s: effect %s, class %s", (message, effect, errorClass) => {
    expect(failureOf(refused(message))).toMatchObject({ effect, class: errorClass })
  })

  it("takes a missing answer for an unknown outcome, but a refused connection for none", () => {
    expect(failureOf(noAnswer("timeout"))).toMatchObject({ effect: "unknown", class: "timeout" })
    expect(failureOf(noAnswer("connection lost"))).toMatchObject({ effect: "unknown", class: "network" })
    expect(failureOf(noAnswer("connection refused"))).toMatchObject({ effect: "none", class: "network" })
  })

  it("finds no failure in a success", () => {
    expect(failureOf(ok(1))).toBeUndefined()
    expect(failureOf(rows([], []))).toBeUndefined()
  })

  it("has a policy for every class: all but errors of logic are waited out, without a bound of tries", () => {
    for (const [name, policy] of Object.entries(policies)) {
      expect(policy.waitsFor === null).toBe(name === "logic")
      const pauses = [0, 1, 2, 5, 1000].map((tries) => pauseMsOf(policy, tries, 0.5))
      expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
      expect(pauses.at(-1)).toBe(policy.pauseMsMax)
      expect(pauseMsOf(policy, 3, 0)).toBeLessThanOrEqual(pauseMsOf(policy, 3, 1))
    }
  })
})
