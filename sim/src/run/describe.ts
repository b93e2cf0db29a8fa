/** Conditions, sightings and acts of a scenario in words, for summaries and timelines. */
import * as Duration from "effect/Duration"
import { describeFault, showSpan } from "../fault/describeFault.ts"
import type { Bounds, Condition } from "../scenario/Condition.ts"
import type { Act, Ask, Lasting, Seen, Sighting, SqlAnswer, SqlExpectation, Trigger } from "../scenario/Scenario.ts"
import { showDuration } from "../scenario/showDuration.ts"

const showBounds = ({ atLeast, atMost }: Bounds): string => {
  if (atLeast === atMost) return String(atLeast)
  if (atLeast === null) return `at most ${atMost}`
  return atMost === null ? `at least ${atLeast}` : `${atLeast} to ${atMost}`
}

export const describeCondition = (condition: Condition): string => {
  switch (condition._tag) {
    case "TableIs":
      return `table ${condition.table} is ${condition.is}`
    case "NodeIs":
      return `node ${condition.node} is ${condition.is}`
    case "NodeHolds":
      return `node ${condition.node} holds ${showBounds(condition.shards)} shards${condition.table === null ? "" : ` of ${condition.table}`}`
    case "Count":
      return `${condition.count}${condition.table === null ? "" : ` of ${condition.table}`}: ${showBounds(condition.bounds)}`
    case "ClusterIs": {
      const { node, cluster, status, nodeState, size } = condition
      const parts = [status, nodeState, size === null ? null : `size ${size}`].filter((part) => part !== null)
      return `cluster ${cluster} on ${node} is ${parts.join(", ")}`
    }
    case "IdsAre":
      return `table ${condition.table} on ${condition.node} ${condition.ids === null ? "is absent" : `has the ids ${condition.ids.join(",") || "of no row"}`}`
    case "RowsAre":
      return `table ${condition.table} on ${condition.node} has ${showBounds(condition.rows)} rows`
    case "StreamOutcome":
      return `stream ${condition.stream} ${condition.outcome}: ${showBounds(condition.bounds)}`
    case "StreamRows":
      return `stream ${condition.stream} ${condition.rows === "missing" ? "acknowledged and missing" : "refused but stored"} on ${condition.on}: ${showBounds(condition.bounds)}`
    case "MovesAreMinimum":
      return "moves: the minimum"
    case "LongestWriteGap":
      return `longest write gap of ${condition.table}: at most ${showDuration(condition.atMost)}`
  }
}

export const describeSighting = (sighting: Sighting): string => {
  const at = sighting.node === null ? "" : ` on ${sighting.node}`
  switch (sighting._tag) {
    case "StepSeen":
      return `${sighting.undo === true ? "undo " : ""}step ${sighting.step} ${sighting.is}${at}`
    case "OperationSeen":
      return `${sighting.operation === "any" ? "an operation" : sighting.operation} ${sighting.is}${at}`
    case "LeaderSeen":
      return `leader ${sighting.leader}${at}`
    case "FindingSeen":
      return `finding ${sighting.finding}${at}`
    case "TransferSeen": {
      const { transfer, what, outcome, cluster } = sighting
      return `transfer${what === null ? "" : ` of ${what}`}${cluster === null ? "" : ` for ${cluster}`} ${outcome ?? transfer}${at}`
    }
  }
}

export const describeSeen = (seen: Seen): string => {
  switch (seen._tag) {
    case "StepSeen":
    case "OperationSeen":
    case "LeaderSeen":
    case "FindingSeen":
    case "TransferSeen":
      return describeSighting(seen)
    default:
      return describeCondition(seen)
  }
}

export const describeTrigger = (trigger: Trigger): string => {
  if (trigger._tag === "At") return `at ${showDuration(trigger.at)}`
  if (trigger._tag === "Between") return `between ${showSpan(trigger.span)}`
  const count = trigger.count === 1 ? "" : ` (number ${trigger.count})`
  const plus = Duration.toMillis(trigger.plus) === 0 ? "" : `, ${showDuration(trigger.plus)} later`
  return `after ${describeSighting(trigger.sighting)}${count}${plus}`
}

const describeAnswer = (answer: SqlAnswer): string => {
  switch (answer._tag) {
    case "Ok":
      return "a success"
    case "Error": {
      const text =
        answer.message !== null
          ? `the error '${answer.message}'`
          : answer.containing === null
            ? "an error"
            : `an error with '${answer.containing}'`
      return answer.errno === null ? text : `${text} of number ${answer.errno}`
    }
    case "NoAnswer":
      return "nothing in time"
    case "Disconnected":
      return "nothing, without a connection"
    case "Affected":
      return `${answer.rows} affected rows`
    case "RowCount":
      return `${answer.rows} rows`
    case "Rows":
      return `the rows ${answer.rows.map((row) => row.join("|")).join(" / ") || "of none"}`
  }
}

const describeLasting = ({ atLeast, atMost }: Lasting): string =>
  [
    ...(atLeast === null ? [] : [`after ${showDuration(atLeast)} at least`]),
    ...(atMost === null ? [] : [`within ${showDuration(atMost)}`]),
  ].join(", ")

export const describeAnswerWanted = ({ answer, takes }: SqlExpectation): string =>
  [answer === null ? "anything" : describeAnswer(answer), ...(takes === null ? [] : [describeLasting(takes)])].join(" ")

const describeAsk = ({ wish, of, approval, dryRun }: Ask): string =>
  [...(dryRun ? ["dry run:"] : []), wish, of, ...(approval ? ["with approval"] : [])].join(" ")

export const describeAct = (act: Act): string => {
  switch (act._tag) {
    case "Create":
      return `create table ${act.table.name}, ${act.table.shards} shards, RF ${act.table.rf}`
    case "Drop":
      return `drop table ${act.table}`
    case "AddNode":
      return `add node ${act.node}`
    case "Rebalance":
      return `rebalance ${act.table ?? "all tables"}`
    case "Drain":
      return `drain ${act.node}`
    case "Undrain":
      return `undrain ${act.node}`
    case "Control":
      return `${act.ask} the operations ${act.table === null ? "under way" : `on ${act.table}`}`
    case "SetRf":
      return `RF ${act.rf} for ${act.tables.join(", ")}${act.approval ? " with approval" : ""}`
    case "Split":
      return `split the group of shard ${act.shard} of ${act.table}`
    case "Adopt":
      return `adopt ${act.tables.join(", ")} from the existing orchestrator`
    case "Maintain":
      return `maintain ${act.node}`
    case "Forget":
      return `forget ${act.node}`
    case "Recover":
      return `recover the coordination cluster on ${act.node}`
    case "Promote":
      return `promote ${act.node} in ${act.group}`
    case "Reunite":
      return `reunite ${act.group} as ${act.node}`
    case "Replace":
      return `replace ${act.node} by ${act.by}`
    case "Ask":
      return describeAsk(act)
    case "Mkdir":
      return `directory ${act.directory} on ${act.node}`
    case "Fill":
      return `fill ${act.table} on ${act.node} with the ids ${act.from} to ${act.to}`
    case "Stream":
      return `stream ${act.stream.name} on ${act.stream.node}: ${act.stream.statement}`
    case "Sql":
      return `sql on ${act.node}: ${act.statements.join("; ")}`
    case "Check":
      return `check ${describeCondition(act.condition)}`
    default:
      return describeFault(act)
  }
}
