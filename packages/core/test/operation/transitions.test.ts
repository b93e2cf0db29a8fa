/** The statuses of an operation: the table of the design, and that nothing leads around it. */
import { describe, expect, it } from "vitest"
import * as fc from "fast-check"
import * as Result from "effect/Result"
import { historyMax, isOver, transition, transitions, transitionThrough } from "../../src/operation/transitions.ts"
import { type Operation, OperationStatus } from "../../src/State.ts"
import { operationWith } from "../operationRecords.ts"

const statuses = OperationStatus.literals

const operation = (changes: Partial<Operation> = {}): Operation => operationWith({ status: "idle", ...changes })

const author = { by: "anna", why: "because", atMs: 5 }

describe("transitions", () => {
  it("are those of the design, and no others", () => {
    const text = statuses.flatMap((from) => transitions[from].map((to) => `${from} → ${to}`))
    expect(text).toMatchInlineSnapshot(`
      [
        "idle → awaiting_approval",
        "idle → queued",
        "awaiting_approval → queued",
        "awaiting_approval → idle",
        "queued → running",
        "queued → idle",
        "running → paused",
        "running → stopping",
        "running → completed",
        "running → failed",
        "running → critical_failure",
        "paused → running",
        "paused → stopping",
        "stopping → stopped",
        "stopping → critical_failure",
        "stopped → idle",
        "completed → idle",
        "failed → idle",
        "critical_failure → idle",
      ]
    `)
  })

  it("answer an illegal one with what is expected and what was found", () => {
    const result = transition(operation({ status: "stopped" }), "running", author)
    expect(Result.isFailure(result) && result.failure).toMatchObject({
      _tag: "IllegalTransition",
      from: "stopped",
      to: "running",
      message: "an operation that is stopped cannot become running; it can become idle",
    })
  })

  it("keep to the table whatever is asked for, and tell all of it in the history", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...statuses), { maxLength: 120 }), (asked) => {
        let current = operation()
        const path: Array<OperationStatus> = ["idle"]
        for (const to of asked) {
          const result = transition(current, to, author)
          expect(Result.isSuccess(result)).toBe(transitions[current.status].includes(to))
          if (Result.isFailure(result)) continue
          current = result.success
          path.push(to)
        }
        expect(current.status).toBe(path.at(-1))
        expect(current.history.length).toBe(Math.min(historyMax, path.length - 1))
        const last = current.history.map(({ status }) => status)
        if (path.length - 1 <= historyMax) expect(last).toEqual(path.slice(1))
        else expect(last).toEqual([path[1], ...path.slice(1 - historyMax)])
      }),
    )
  })

  it("lead from every status back to idle, and to an end from every one that runs", () => {
    const reachable = (from: OperationStatus): ReadonlySet<OperationStatus> => {
      const seen = new Set<OperationStatus>([from])
      for (const status of seen) for (const to of transitions[status]) seen.add(to)
      return seen
    }
    for (const status of statuses) {
      expect(reachable(status).has("idle")).toBe(true)
      expect([...reachable(status)].some(isOver)).toBe(true)
    }
  })

  it("stop at the first illegal one of several", () => {
    const result = transitionThrough(operation(), ["queued", "completed", "idle"], author)
    expect(Result.isFailure(result) && [result.failure.from, result.failure.to]).toEqual(["queued", "completed"])
  })
})
