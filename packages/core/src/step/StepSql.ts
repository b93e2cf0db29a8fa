/**
 * The SQL at the heart of a step, for people who read the queue: what it runs, and what takes it back. Handlers send
 * the same statements, but look before and after, and choose donors when they run.
 */
import { probeTable } from "../Identifier.ts"
import * as Sql from "../Sql.ts"
import type { Step } from "./Step.ts"

/** Statements of a step; empty for steps that only look or write records. */
export const stepSql = (step: Step): ReadonlyArray<string> => {
  switch (step._tag) {
    case "CreateGroup":
      return [
        Sql.createCluster(step.group, step.group),
        Sql.createProbe(probeTable(step.group)),
        Sql.addTables(step.group, [probeTable(step.group)]),
      ]
    case "JoinGroup":
      return [Sql.joinCluster(step.group, "donor:0", step.group)]
    case "CreateShard":
      return [Sql.createShard(step.physical, step.structure, step.options)]
    case "AttachShard":
      return [Sql.addTables(step.group, step.tables)]
    case "DetachShard":
      return [Sql.detachTables(step.group, step.tables)]
    case "ExitGroup":
      return [Sql.exitCluster(step.group)]
    case "DropShard":
      return step.tables.map(Sql.dropTable)
    case "SwapWrapper":
      return [Sql.dropWrapper(step.table)]
    case "PromoteGroup":
      return [Sql.bootstrap(step.group)]
    case "RefreshPeers":
      return [Sql.updatePeers(step.group)]
    case "VerifyReplica":
    case "MoveShards":
    case "RetireTables":
    case "PublishWrapper":
    case "ConfirmWrappers":
    case "CompareCopy":
    case "CommitLayout":
      return []
  }
}

/** Statements that take a step of a creation back; empty for steps that are never undone. */
export const undoSql = (step: Step): ReadonlyArray<string> => {
  switch (step._tag) {
    case "CreateGroup":
    case "JoinGroup":
      return [Sql.exitCluster(step.group)]
    case "CreateShard":
      return [Sql.dropTable(step.physical)]
    case "AttachShard":
      return [Sql.detachTables(step.group, step.tables)]
    case "SwapWrapper":
      return [Sql.dropWrapper(step.table)]
    default:
      return []
  }
}
