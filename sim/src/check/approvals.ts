/**
 * `approvals`: what was asked for with approval begins after somebody has approved it: its draft has awaited that, and not
 * the engine has ended the wait.
 */
import type { Operation, Request } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"

const name = "approvals"

/** Makes the checker. */
export const approvals: MakeChecker = (context) => {
  const seen = new Set<string>()
  context.state.onRecord((record) => {
    if (!record.key.startsWith("operation/")) return
    const { history, id, request, status } = record.value as Operation // the store writes nothing else under these keys
    if (status !== "running" || seen.has(id)) return
    seen.add(id)
    const asked = context.state.get(`request/${request}`)?.value as Request | undefined // as above
    if (asked?.approval !== true) return
    const waited = history.findIndex((change) => change.status === "awaiting_approval")
    const queued = history.findIndex((change, index) => index > waited && change.status === "queued")
    const approver = history[queued]?.by
    if (waited < 0) context.report(name, `operation ${id} runs without having awaited its approval`)
    else if (approver === undefined || approver.startsWith("shardwright@"))
      context.report(name, `operation ${id} was approved by ${approver ?? "nobody"}`)
  })
  return { name }
}
