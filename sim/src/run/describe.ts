/** Conditions, sightings and acts of a scenario in words, for summaries and timelines. */
import * as Duration from "effect/Duration"
import type {
  Act,
  Bounds,
  Condition,
  Lasting,
  Seen,
  Sighting,
  SqlAnswer,
  SqlExpectation,
  Trigger,
} from "../scenario/Scenario.ts"

/** A length of time as scenarios write it. */
export const showDuration = (duration: Duration.Duration): string => showMs(Duration.toMillis(duration))

/** Milliseconds as people read them: 250ms, 12s, 1m30s. */
export const showMs = (ms: number): string => {
  if (ms < 0) return `-${showMs(-ms)}`
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10}s`
  const seconds = Math.round(ms / 1000)
  const rest = seconds % 60
  return `${Math.floor(seconds / 60)}m${rest === 0 ? "" : `${rest}s`}`
}

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
  }
}

export const describeSeen = (seen: Seen): string => {
  switch (seen._tag) {
    case "StepSeen":
    case "OperationSeen":
    case "LeaderSeen":
    case "FindingSeen":
      return describeSighting(seen)
    default:
      return describeCondition(seen)
  }
}

export const describeTrigger = (trigger: Trigger): string => {
  if (trigger._tag === "At") return `at ${showDuration(trigger.at)}`
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

export const describeAct = (act: Act): string => {
  switch (act._tag) {
    case "Kill":
    case "Stop":
    case "Restart":
    case "Pause":
    case "Resume":
      return `${act._tag.toLowerCase()} ${act.what} of ${act.node}${act._tag === "Restart" && act.flag !== null ? ` with --${act.flag}` : ""}`
    case "Partition":
      return `partition ${act.groups.map((group) => group.join(",")).join(" | ")}`
    case "Cut":
      return `cut ${act.from} ${act.symmetric ? "and" : "to"} ${act.to}`
    case "Heal":
      return `heal ${act.what}`
    case "Slow":
      return `slow '${act.statement}' by ${showDuration(act.by)}${act.node === null ? "" : ` on ${act.node}`}${act.times === null ? "" : ` ${act.times} times`}`
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
  }
}
