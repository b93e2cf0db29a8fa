/** What the runner of a node tells the gates of others. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { DaemonControl } from "../DaemonControl.ts"
import { Manticore } from "../Manticore.ts"
import { NodeFiles } from "../NodeFiles.ts"
import { hasGivenUp, isPrimary, observedGroups } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import type { NodeReport, ReportedCluster } from "./Peers.ts"
import { recallDoubts, recallGate, recallSeen } from "./RunnerMemory.ts"

/** A daemon that takes longer than this to say how it is may be anything. */
const answerTimeout = Duration.millis(1500)

/** The report of this node; undefined if its daemon is there and does not answer. */
export const ownReport = Effect.fnUntraced(function* (
  node: string,
): Effect.fn.Return<NodeReport | undefined, never, Manticore | NodeFiles | DaemonControl> {
  const control = yield* DaemonControl
  const files = yield* NodeFiles
  const manticore = yield* Manticore
  const { epoch, registered, view } = yield* recallSeen(files)
  const { closed } = yield* recallGate(files)
  const { unproven } = yield* recallDoubts(files)
  const isRunning = yield* control.isRunning
  const shown = isRunning ? observedGroups(yield* manticore.query(node, Sql.showClusters, answerTimeout)) : new Map()
  if (shown === undefined) return undefined
  const clusters = new Map<string, ReportedCluster>()
  for (const { name, history, seqno } of yield* control.clusters) {
    const seen = shown.get(name)
    const noted = unproven.includes(name) ? { unproven: true } : {}
    const onDisk = { history, seqno, ...noted }
    if (!isRunning) clusters.set(name, { is: "waiting", copy: onDisk })
    else if (seen === undefined || seen.nodeState === "closed") {
      const known = closed[name] ?? onDisk
      const copy = { history: known.history, seqno: known.seqno, ...noted }
      clusters.set(name, { is: "waiting", copy, ...(hasGivenUp(seen) ? { closed: true } : {}) })
    }
    // Its history was thrown away: it holds nothing that counts (semantics 48).
    else if (seen.nodeState === "destroyed") clusters.set(name, { is: "waiting", copy: { history: null, seqno: null } })
    else if (isPrimary(seen)) clusters.set(name, { is: "serving", copy: onDisk, members: seen.members })
    else clusters.set(name, { is: "open", copy: onDisk })
  }
  return { clusters, epoch, registered, view }
})
