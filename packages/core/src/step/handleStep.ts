/**
 * What each step does. A handler looks first, acts only if the postcondition does not hold, and looks again, so it may
 * be run any number of times and after any crash: nothing is concluded from what was sent, only from what is seen.
 *
 * Handlers never wait long: whatever is not possible now answers `Retry` with a reason, and the executor comes back.
 */
import * as Effect from "effect/Effect"
import type { Manticore } from "../Manticore.ts"
import type { NodeFiles } from "../NodeFiles.ts"
import * as Sql from "../Sql.ts"
import { CurrentStep, type HandlerError, query } from "./CurrentStep.ts"
import { detachShard, dropShard } from "./dropping.ts"
import { attachShard, createGroup, joinGroup } from "./forming.ts"
import { commitLayout } from "./layout.ts"
import { compareCopy, exitGroup } from "./leaving.ts"
import { done, type Outcome, verdict } from "./Outcome.ts"
import { promoteGroup, refreshPeers } from "./promotion.ts"
import { retireTables } from "./retiring.ts"
import { moveShards } from "./splitting.ts"
import type { Step } from "./Step.ts"
import { verifyReplica } from "./verification.ts"
import { confirmWrappers, publishWrapper, swapWrapper } from "./wrappers.ts"

/** Runs the handler of a step once. */
export const handleStep = (step: Step): Effect.Effect<Outcome, HandlerError, CurrentStep | Manticore | NodeFiles> => {
  switch (step._tag) {
    case "CreateGroup":
      return createGroup(step.group)
    case "JoinGroup":
      return joinGroup(step.group)
    case "CreateShard":
      return Effect.map(
        query(Sql.createShard(step.physical, step.structure, step.options)),
        (answer) => verdict(answer, "CREATE TABLE") ?? done(),
      )
    case "AttachShard":
      return attachShard(step.group, step.tables)
    case "MoveShards":
      return moveShards(step)
    case "DetachShard":
      return detachShard(step.group, step.tables)
    case "VerifyReplica":
      return verifyReplica(step.group)
    case "PublishWrapper":
      return publishWrapper(step.table, step.mirrors)
    case "SwapWrapper":
      return Effect.gen(function* () {
        const { node, config, store, refresh, term, holdsClaim } = yield* CurrentStep
        const options = { again: false, mayGoOn: holdsClaim }
        return yield* swapWrapper(node, config, store, yield* refresh, step.table, term, options)
      })
    case "ConfirmWrappers":
      return confirmWrappers(step.tables, step.all)
    case "ExitGroup":
      return exitGroup(step.group, step.redundancy)
    case "CompareCopy":
      return compareCopy(step.group, step.tables)
    case "DropShard":
      return dropShard(step.group, step.tables)
    case "PromoteGroup":
      return promoteGroup(step.group, step.forced === true)
    case "RefreshPeers":
      return refreshPeers(step.group)
    case "RetireTables":
      return retireTables(step.tables)
    case "CommitLayout":
      return commitLayout
  }
}
