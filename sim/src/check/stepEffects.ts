/**
 * `step-effects`: a step that is said to be done has done it: whoever was to join a group is in it, what was to be dropped is
 * gone. Looked at when that is written, on nodes that are up.
 */
import type { StepRow } from "@shardwright/core/State"
import { few, type CheckContext, type MakeChecker } from "./Checker.ts"
import { tableOn } from "./copies.ts"

const name = "step-effects"

/** What is not as it must be on the host after the step; undefined if nothing is. */
const lacking = ({ world }: CheckContext, host: string, { step }: StepRow): string | undefined => {
  const isIn = (group: string): boolean => world.clusters(host).some((cluster) => cluster.name === group)
  const some = (tables: ReadonlyArray<string>, is: (table: string) => boolean, what: string): string | undefined => {
    const found = tables.filter(is)
    return found.length === 0 ? undefined : `${few(found)} ${what}`
  }
  const carrier = (table: string): string | undefined => tableOn(world, host, table)?.cluster
  switch (step._tag) {
    case "CreateGroup":
    case "JoinGroup":
      return isIn(step.group) ? undefined : `it is not in ${step.group}`
    case "ExitGroup":
      return isIn(step.group) ? `it is still in ${step.group}` : undefined
    case "CreateShard":
      return some([step.physical], (table) => tableOn(world, host, table) === undefined, "is not there")
    case "AttachShard":
      return some(step.tables, (table) => carrier(table) !== step.group, `is not in ${step.group}`)
    case "DetachShard":
      return some(step.tables, (table) => carrier(table) === step.group, `is still in ${step.group}`)
    case "DropShard":
      return some(step.tables, (table) => tableOn(world, host, table) !== undefined, "is still there")
    default:
      return undefined
  }
}

/** Makes the checker. */
export const stepEffects: MakeChecker = (context) => {
  context.state.onRecord((record, previous) => {
    if (!record.key.startsWith("step/")) return
    const row = record.value as StepRow // the store writes nothing else under these keys
    if (row.status !== "done" || (previous?.value as StepRow | undefined)?.status === "done") return
    const host = context.hostOf(row.node ?? "")
    if (host === undefined || !context.world.isUp(host)) return
    const problem = lacking(context, host, row)
    if (problem === undefined) return
    const about = `step ${row.index} (${row.step._tag}) of operation ${row.operation}`
    context.report(name, `${about} is done on ${host}, and ${problem}`)
  })
  return { name }
}
