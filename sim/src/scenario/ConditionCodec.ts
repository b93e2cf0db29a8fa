/** The way between conditions and sightings as they are written and as the simulator judges them. */
import type { Bounds, Condition, StreamOutcome } from "./Condition.ts"
import type { ConditionSource, SightingSource } from "./ConditionSource.ts"
import { duration, unless } from "./CodecParts.ts"
import { durationText } from "./ScalarSchemas.ts"
import type { Seen, Sighting } from "./Scenario.ts"

type BoundsSource = { readonly is?: number; readonly atLeast?: number; readonly atMost?: number }

const boundsFrom = (source: BoundsSource): Bounds => ({
  atLeast: source.is ?? source.atLeast ?? null,
  atMost: source.is ?? source.atMost ?? null,
})

const boundsTo = (bounds: Bounds): BoundsSource => {
  const { atLeast, atMost } = bounds
  if (atLeast !== null && atLeast === atMost) return { is: atLeast }
  return { ...(atLeast === null ? {} : { atLeast }), ...(atMost === null ? {} : { atMost }) }
}

type StreamConditionSource = Extract<ConditionSource, { readonly stream: string }>

const streamConditionFrom = (source: StreamConditionSource): Condition => {
  const { stream } = source
  const outcome = (name: StreamOutcome, counted: BoundsSource): Condition => ({
    _tag: "StreamOutcome",
    stream,
    outcome: name,
    bounds: boundsFrom(counted),
  })
  if ("acknowledged" in source) return outcome("acknowledged", source.acknowledged)
  if ("refused" in source) return outcome("refused", source.refused)
  if ("unknown" in source) return outcome("unknown", source.unknown)
  return "missing" in source
    ? { _tag: "StreamRows", stream, rows: "missing", on: source.missing.on, bounds: boundsFrom(source.missing) }
    : {
        _tag: "StreamRows",
        stream,
        rows: "refusedButStored",
        on: source.refusedButStored.on,
        bounds: boundsFrom(source.refusedButStored),
      }
}

export const conditionFrom = (source: ConditionSource): Condition => {
  if ("stream" in source) return streamConditionFrom(source)
  if ("cluster" in source) {
    const { node, cluster, status, nodeState, size } = source
    return {
      _tag: "ClusterIs",
      node,
      cluster,
      status: status ?? null,
      nodeState: nodeState ?? null,
      size: size ?? null,
    }
  }
  if ("ids" in source) {
    return { _tag: "IdsAre", node: source.node, table: source.table, ids: source.ids === "absent" ? null : source.ids }
  }
  if ("rows" in source)
    return { _tag: "RowsAre", node: source.node, table: source.table, rows: boundsFrom(source.rows) }
  if ("longest" in source) return { _tag: "LongestWriteGap", table: source.table, atMost: duration(source.atMost) }
  if ("holds" in source) {
    return { _tag: "NodeHolds", node: source.node, table: source.table ?? null, shards: boundsFrom(source.holds) }
  }
  if ("count" in source) {
    if (source.is === "minimum") return { _tag: "MovesAreMinimum" }
    return { _tag: "Count", count: source.count, table: source.table ?? null, bounds: boundsFrom(source) }
  }
  return "node" in source
    ? { _tag: "NodeIs", node: source.node, is: source.is }
    : { _tag: "TableIs", table: source.table, is: source.is }
}

const streamOutcomeTo = ({
  stream,
  outcome,
  bounds,
}: Extract<Condition, { readonly _tag: "StreamOutcome" }>): ConditionSource => {
  switch (outcome) {
    case "acknowledged":
      return { stream, acknowledged: boundsTo(bounds) }
    case "refused":
      return { stream, refused: boundsTo(bounds) }
    case "unknown":
      return { stream, unknown: boundsTo(bounds) }
  }
}

export const conditionTo = (condition: Condition): ConditionSource => {
  switch (condition._tag) {
    case "TableIs":
      return { table: condition.table, is: condition.is }
    case "NodeIs":
      return { node: condition.node, is: condition.is }
    case "NodeHolds":
      return { node: condition.node, holds: boundsTo(condition.shards), ...unless("table", condition.table, null) }
    case "Count":
      return { count: condition.count, ...boundsTo(condition.bounds), ...unless("table", condition.table, null) }
    case "ClusterIs":
      return {
        node: condition.node,
        cluster: condition.cluster,
        ...unless("status", condition.status, null),
        ...unless("nodeState", condition.nodeState, null),
        ...unless("size", condition.size, null),
      }
    case "IdsAre":
      return { node: condition.node, table: condition.table, ids: condition.ids ?? "absent" }
    case "RowsAre":
      return { node: condition.node, table: condition.table, rows: boundsTo(condition.rows) }
    case "StreamOutcome":
      return streamOutcomeTo(condition)
    case "StreamRows": {
      const rows = { on: condition.on, ...boundsTo(condition.bounds) }
      return condition.rows === "missing"
        ? { stream: condition.stream, missing: rows }
        : { stream: condition.stream, refusedButStored: rows }
    }
    case "MovesAreMinimum":
      return { count: "moves", is: "minimum" }
    case "LongestWriteGap":
      return { longest: "write-gap", table: condition.table, atMost: durationText(condition.atMost) }
  }
}

export const sightingFrom = (source: SightingSource): Sighting => {
  const node = source.node ?? null
  if ("step" in source)
    return { _tag: "StepSeen", step: source.step, is: source.is ?? "started", node, undo: source.undo ?? null }
  if ("operation" in source)
    return { _tag: "OperationSeen", operation: source.operation, is: source.is ?? "running", node }
  if ("leader" in source) return { _tag: "LeaderSeen", leader: source.leader, node }
  if ("finding" in source) return { _tag: "FindingSeen", finding: source.finding, node }
  const { transfer, what, outcome, cluster } = source
  return {
    _tag: "TransferSeen",
    transfer,
    what: what ?? null,
    outcome: outcome ?? null,
    cluster: cluster ?? null,
    node,
  }
}

export const sightingTo = (sighting: Sighting): SightingSource => {
  const node = unless("node", sighting.node, null)
  switch (sighting._tag) {
    case "StepSeen":
      return {
        step: sighting.step,
        ...unless("is", sighting.is, "started"),
        ...node,
        ...unless("undo", sighting.undo, null),
      }
    case "OperationSeen":
      return { operation: sighting.operation, ...unless("is", sighting.is, "running"), ...node }
    case "LeaderSeen":
      return { leader: sighting.leader, ...node }
    case "FindingSeen":
      return { finding: sighting.finding, ...node }
    case "TransferSeen":
      return {
        transfer: sighting.transfer,
        ...unless("what", sighting.what, null),
        ...unless("outcome", sighting.outcome, null),
        ...unless("cluster", sighting.cluster, null),
        ...node,
      }
  }
}

const isSighting = (source: SightingSource | ConditionSource): source is SightingSource =>
  "step" in source || "operation" in source || "leader" in source || "finding" in source || "transfer" in source

export const seenFrom = (source: SightingSource | ConditionSource): Seen =>
  isSighting(source) ? sightingFrom(source) : conditionFrom(source)

export const seenTo = (seen: Seen): SightingSource | ConditionSource => {
  switch (seen._tag) {
    case "StepSeen":
    case "OperationSeen":
    case "LeaderSeen":
    case "FindingSeen":
    case "TransferSeen":
      return sightingTo(seen)
    default:
      return conditionTo(seen)
  }
}
