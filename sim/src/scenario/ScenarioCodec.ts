/**
 * The way between what a scenario file says (`ScenarioSource`) and what the simulator works with (`Scenario`): defaults
 * are filled in on the way in, and left out again on the way back. The two directions stand side by side.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type {
  Act,
  Always,
  Bounds,
  ClusterSpec,
  Condition,
  Eventually,
  NodeDeclaration,
  NodeSelector,
  Part,
  Scenario,
  Seen,
  Settings,
  Sighting,
  SqlAnswer,
  SqlExpectation,
  StartFlag,
  StreamOutcome,
  StreamSpec,
  TableSpec,
  TimelineEntry,
  Workload,
} from "./Scenario.ts"
import { durationText, parseDuration } from "./ScalarSchemas.ts"
import { type ConditionSource, languageVersion, ScenarioSource, type SightingSource } from "./ScenarioSource.ts"

/** A duration that the schema has let pass. */
const duration = (text: string): Duration.Duration => parseDuration(text) ?? Duration.zero
const durationOr = <Otherwise>(text: string | undefined, otherwise: Otherwise): Duration.Duration | Otherwise =>
  text === undefined ? otherwise : duration(text)

/** What is taken where a file says nothing. */
export const defaults = {
  seed: 1,
  coordination: "c",
  weight: 1,
  structure: "title text, v bigint",
  writers: 1,
  every: Duration.millis(50),
  mix: { insert: 80, replace: 10, update: 0, delete: 10 },
  rows: 1,
  timeout: Duration.seconds(15),
  readers: 1,
  readEvery: Duration.millis(200),
  quiesce: Duration.seconds(60),
  until: Duration.minutes(10),
  engine: "shardwright",
  sqlTimeout: Duration.minutes(2),
  batch: 1000,
  streamTimeout: Duration.seconds(15),
  firstId: 1,
  connections: 1,
} as const

type Source<Key extends keyof ScenarioSource> = NonNullable<ScenarioSource[Key]>
type EntrySource = Source<"timeline">[number]
type WorkloadSource = Source<"workloads">[number]
type TableSource = Source<"tables">[number]
type NodesSource = Source<"cluster">["nodes"]
type ExpectSource = Source<"expect">
type SqlExpectationSource = NonNullable<Extract<EntrySource, { readonly sql: unknown }>["sql"]["expect"]>
type StreamSource = Extract<EntrySource, { readonly stream: unknown }>["stream"]
type BoundsSource = { readonly is?: number; readonly atLeast?: number; readonly atMost?: number }

/** `{ [key]: text }`, or nothing where the duration is the default. */
const unlessTime = <Key extends string>(
  key: Key,
  value: Duration.Duration | null,
  same: Duration.Duration | null,
): { readonly [K in Key]?: string } =>
  unless(key, value === null || (same !== null && Duration.equals(value, same)) ? null : durationText(value), null)

/** `{ [key]: value }`, or nothing where the value is the default. */
const unless = <Key extends string, Value, Default>(
  key: Key,
  value: Value,
  same: Default,
): { readonly [K in Key]?: Exclude<Value, Default> } => {
  // An object literal with a computed key has the index type of all strings; the key is the one given.
  return (Object.is(value, same) ? {} : { [key]: value }) as { readonly [K in Key]?: Exclude<Value, Default> }
}

// ---------------------------------------------------------------------------------------------------------- cluster

const nodesFrom = (source: NodesSource, first: number): ReadonlyArray<NodeDeclaration> =>
  typeof source === "number"
    ? Array.from({ length: source }, (_, index) => ({ name: `n${first + index}`, zone: null, weight: defaults.weight }))
    : source.map((node) =>
        typeof node === "string"
          ? { name: node, zone: null, weight: defaults.weight }
          : { name: node.name, zone: node.zone ?? null, weight: node.weight ?? defaults.weight },
      )

const nodesTo = (nodes: ReadonlyArray<NodeDeclaration>, first: number): NodesSource =>
  nodes.every(
    (node, index) => node.name === `n${first + index}` && node.zone === null && node.weight === defaults.weight,
  )
    ? nodes.length
    : nodes.map((node) => ({
        name: node.name,
        ...unless("zone", node.zone, null),
        ...unless("weight", node.weight, defaults.weight),
      }))

const clusterFrom = (source: Source<"cluster">): ClusterSpec => {
  const nodes = nodesFrom(source.nodes, 1)
  return {
    coordination: source.coordination ?? defaults.coordination,
    nodes,
    spares: nodesFrom(source.spares ?? 0, nodes.length + 1),
    threads: source.threads ?? null,
  }
}

const clusterTo = (cluster: ClusterSpec): Source<"cluster"> => ({
  nodes: nodesTo(cluster.nodes, 1),
  ...unless("spares", nodesTo(cluster.spares, cluster.nodes.length + 1), 0),
  ...unless("coordination", cluster.coordination, defaults.coordination),
  ...unless("threads", cluster.threads, null),
})

// --------------------------------------------------------------------------------------------------------- settings

// The two casts: every text among the settings is a duration, and nothing else is; the keys stay the same.
const settingsFrom = (source: Source<"settings">): Settings =>
  Object.fromEntries(
    Object.entries(source).map(([key, value]) => [key, typeof value === "string" ? duration(value) : value]),
  ) as Settings

const settingsTo = (settings: Settings): Source<"settings"> =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, Duration.isDuration(value) ? durationText(value) : value]),
  ) as Source<"settings">

// ----------------------------------------------------------------------------------------------- tables and workloads

const tableFrom = (source: TableSource): TableSpec => ({ ...source, structure: source.structure ?? defaults.structure })

const workloadFrom = (source: WorkloadSource): Workload => ({
  table: source.table,
  writers: source.writers ?? defaults.writers,
  every: durationOr(source.every, defaults.every),
  from: durationOr(source.from, Duration.zero),
  until: durationOr(source.until, null),
  mix:
    source.mix === undefined
      ? defaults.mix
      : {
          insert: source.mix.insert ?? 0,
          replace: source.mix.replace ?? 0,
          update: source.mix.update ?? 0,
          delete: source.mix.delete ?? 0,
        },
  rows: source.rows ?? defaults.rows,
  timeout: durationOr(source.timeout, defaults.timeout),
  through: source.through ?? null,
  reads:
    source.reads === undefined
      ? null
      : {
          readers: source.reads.readers ?? defaults.readers,
          every: durationOr(source.reads.every, defaults.readEvery),
        },
})

const workloadTo = (workload: Workload): WorkloadSource => ({
  table: workload.table,
  writers: workload.writers,
  every: durationText(workload.every),
  ...unlessTime("from", workload.from, Duration.zero),
  ...unlessTime("until", workload.until, null),
  mix: workload.mix,
  ...unless("rows", workload.rows, defaults.rows),
  ...unlessTime("timeout", workload.timeout, defaults.timeout),
  ...unless("through", workload.through, null),
  ...(workload.reads === null
    ? {}
    : { reads: { readers: workload.reads.readers, every: durationText(workload.reads.every) } }),
})

// -------------------------------------------------------------------------------------------------------- conditions

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

const conditionFrom = (source: ConditionSource): Condition => {
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

const conditionTo = (condition: Condition): ConditionSource => {
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

const sightingFrom = (source: SightingSource): Sighting => {
  const node = source.node ?? null
  if ("step" in source)
    return { _tag: "StepSeen", step: source.step, is: source.is ?? "started", node, undo: source.undo ?? null }
  if ("operation" in source)
    return { _tag: "OperationSeen", operation: source.operation, is: source.is ?? "running", node }
  if ("leader" in source) return { _tag: "LeaderSeen", leader: source.leader, node }
  return { _tag: "FindingSeen", finding: source.finding, node }
}

const sightingTo = (sighting: Sighting): SightingSource => {
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
  }
}

const isSighting = (source: SightingSource | ConditionSource): source is SightingSource =>
  "step" in source || "operation" in source || "leader" in source || "finding" in source

const seenFrom = (source: SightingSource | ConditionSource): Seen =>
  isSighting(source) ? sightingFrom(source) : conditionFrom(source)

const seenTo = (seen: Seen): SightingSource | ConditionSource => {
  switch (seen._tag) {
    case "StepSeen":
    case "OperationSeen":
    case "LeaderSeen":
    case "FindingSeen":
      return sightingTo(seen)
    default:
      return conditionTo(seen)
  }
}

// ---------------------------------------------------------------------------------------------------------- timeline

const flagOf = (source: string | { readonly flag?: StartFlag }): StartFlag | null =>
  typeof source === "string" ? null : (source.flag ?? null)

type PartSource = string | { readonly node: NodeSelector; readonly what?: Part }

const partFrom = (source: PartSource): { readonly node: NodeSelector; readonly what: Part } =>
  typeof source === "string" ? { node: source, what: "host" } : { node: source.node, what: source.what ?? "host" }

const partTo = (act: { readonly node: NodeSelector; readonly what: Part }): PartSource =>
  act.what === "host" ? act.node : { node: act.node, what: act.what }

const answerOf = (word: "ok" | "error" | "no-answer" | "disconnected"): SqlAnswer => {
  switch (word) {
    case "ok":
      return { _tag: "Ok" }
    case "error":
      return { _tag: "Error", containing: null, message: null, errno: null }
    case "no-answer":
      return { _tag: "NoAnswer" }
    case "disconnected":
      return { _tag: "Disconnected" }
  }
}

const sqlAnswerFrom = (source: Exclude<SqlExpectationSource, string>): SqlAnswer | null => {
  if ("answer" in source) return answerOf(source.answer)
  if ("error" in source) {
    return { _tag: "Error", containing: source.error, message: null, errno: source.errno ?? null }
  }
  if ("message" in source) {
    return { _tag: "Error", containing: null, message: source.message, errno: source.errno ?? null }
  }
  if ("affected" in source) return { _tag: "Affected", rows: source.affected }
  if (!("rows" in source)) return null
  return typeof source.rows === "number" ? { _tag: "RowCount", rows: source.rows } : { _tag: "Rows", rows: source.rows }
}

const sqlExpectationFrom = (source: SqlExpectationSource): SqlExpectation => {
  if (typeof source === "string") return { answer: answerOf(source), takes: null }
  const { takes } = source
  return {
    answer: sqlAnswerFrom(source),
    takes:
      takes === undefined ? null : { atLeast: durationOr(takes.atLeast, null), atMost: durationOr(takes.atMost, null) },
  }
}

const sqlExpectationTo = ({ answer, takes }: SqlExpectation): SqlExpectationSource => {
  const time =
    takes === null
      ? {}
      : { takes: { ...unlessTime("atLeast", takes.atLeast, null), ...unlessTime("atMost", takes.atMost, null) } }
  switch (answer?._tag) {
    case undefined:
      return time
    case "Ok":
      return takes === null ? "ok" : { answer: "ok", ...time }
    case "NoAnswer":
      return takes === null ? "no-answer" : { answer: "no-answer", ...time }
    case "Disconnected":
      return takes === null ? "disconnected" : { answer: "disconnected", ...time }
    case "Error": {
      const errno = unless("errno", answer.errno, null)
      if (answer.message !== null) return { message: answer.message, ...errno, ...time }
      if (answer.containing !== null) return { error: answer.containing, ...errno, ...time }
      return takes === null ? "error" : { answer: "error", ...time }
    }
    case "Affected":
      return { affected: answer.rows, ...time }
    case "RowCount":
    case "Rows":
      return { rows: answer.rows, ...time }
  }
}

const streamFrom = (source: StreamSource): StreamSpec => ({
  name: source.name,
  node: source.node,
  table: source.table,
  statement: source.statement,
  every: durationOr(source.every, defaults.every),
  connections: source.connections ?? defaults.connections,
  until: duration(source.until),
  from: source.from ?? defaults.firstId,
  timeout: durationOr(source.timeout, defaults.streamTimeout),
})

const streamTo = (stream: StreamSpec): StreamSource => ({
  name: stream.name,
  node: stream.node,
  table: stream.table,
  statement: stream.statement,
  ...unlessTime("every", stream.every, defaults.every),
  ...unless("connections", stream.connections, defaults.connections),
  until: durationText(stream.until),
  ...unless("from", stream.from, defaults.firstId),
  ...unlessTime("timeout", stream.timeout, defaults.streamTimeout),
})

const actFrom = (source: EntrySource): Act => {
  if ("kill" in source) return { _tag: "Kill", ...partFrom(source.kill) }
  if ("stop" in source) return { _tag: "Stop", ...partFrom(source.stop) }
  if ("restart" in source) return { _tag: "Restart", ...partFrom(source.restart), flag: flagOf(source.restart) }
  if ("pause" in source) return { _tag: "Pause", ...partFrom(source.pause) }
  if ("resume" in source) return { _tag: "Resume", ...partFrom(source.resume) }
  if ("partition" in source) return { _tag: "Partition", groups: source.partition }
  if ("cut" in source)
    return { _tag: "Cut", from: source.cut.from, to: source.cut.to, symmetric: source.cut.symmetric ?? true }
  if ("heal" in source) return { _tag: "Heal", what: source.heal }
  if ("slow" in source) {
    const { node, statement, by, times } = source.slow
    return { _tag: "Slow", node: node ?? null, statement, by: duration(by), times: times ?? null }
  }
  if ("create" in source) return { _tag: "Create", table: tableFrom(source.create) }
  if ("drop" in source) return { _tag: "Drop", table: source.drop }
  if ("addNode" in source) return { _tag: "AddNode", node: source.addNode }
  if ("rebalance" in source) return { _tag: "Rebalance", table: source.rebalance === "all" ? null : source.rebalance }
  if ("drain" in source) return { _tag: "Drain", node: source.drain }
  if ("check" in source) return { _tag: "Check", condition: conditionFrom(source.check) }
  if ("mkdir" in source) return { _tag: "Mkdir", ...source.mkdir }
  if ("fill" in source) {
    const { node, table, from, to, batch } = source.fill
    return { _tag: "Fill", node, table, from: from ?? defaults.firstId, to, batch: batch ?? defaults.batch }
  }
  if ("stream" in source) return { _tag: "Stream", stream: streamFrom(source.stream) }
  const { node, statement, timeout, expect } = source.sql
  return {
    _tag: "Sql",
    node,
    connection: source.sql.as ?? null,
    statements: typeof statement === "string" ? [statement] : statement,
    timeout: durationOr(timeout, defaults.sqlTimeout),
    expect: expect === undefined ? null : sqlExpectationFrom(expect),
  }
}

const actTo = (act: Act): EntrySource => {
  switch (act._tag) {
    case "Kill":
      return { kill: partTo(act) }
    case "Stop":
      return { stop: partTo(act) }
    case "Restart":
      return {
        restart:
          act.flag === null ? partTo(act) : { node: act.node, ...unless("what", act.what, "host"), flag: act.flag },
      }
    case "Pause":
      return { pause: partTo(act) }
    case "Resume":
      return { resume: partTo(act) }
    case "Partition":
      return { partition: act.groups }
    case "Cut":
      return { cut: { from: act.from, to: act.to, ...unless("symmetric", act.symmetric, true) } }
    case "Heal":
      return { heal: act.what }
    case "Slow":
      return {
        slow: {
          statement: act.statement,
          by: durationText(act.by),
          ...unless("node", act.node, null),
          ...unless("times", act.times, null),
        },
      }
    case "Create":
      return { create: act.table }
    case "Drop":
      return { drop: act.table }
    case "AddNode":
      return { addNode: act.node }
    case "Rebalance":
      return { rebalance: act.table ?? "all" }
    case "Drain":
      return { drain: act.node }
    case "Mkdir":
      return { mkdir: { node: act.node, directory: act.directory } }
    case "Fill":
      return {
        fill: {
          node: act.node,
          table: act.table,
          ...unless("from", act.from, defaults.firstId),
          to: act.to,
          ...unless("batch", act.batch, defaults.batch),
        },
      }
    case "Stream":
      return { stream: streamTo(act.stream) }
    case "Sql": {
      const [first, ...others] = act.statements
      return {
        sql: {
          node: act.node,
          statement: first !== undefined && others.length === 0 ? first : act.statements,
          ...unless("as", act.connection, null),
          ...unlessTime("timeout", act.timeout, defaults.sqlTimeout),
          ...(act.expect === null ? {} : { expect: sqlExpectationTo(act.expect) }),
        },
      }
    }
    case "Check":
      return { check: conditionTo(act.condition) }
  }
}

const entryFrom = (source: EntrySource): TimelineEntry => ({
  when:
    source.after === undefined
      ? { _tag: "At", at: durationOr(source.at, Duration.zero) }
      : {
          _tag: "After",
          sighting: sightingFrom(source.after),
          count: source.after.count ?? 1,
          plus: durationOr(source.after.plus, Duration.zero),
        },
  act: actFrom(source),
})

const entryTo = (entry: TimelineEntry): EntrySource => {
  const { when } = entry
  return when._tag === "At"
    ? { at: durationText(when.at), ...actTo(entry.act) }
    : {
        after: {
          ...sightingTo(when.sighting),
          ...unlessTime("plus", when.plus, Duration.zero),
          ...unless("count", when.count, 1),
        },
        ...actTo(entry.act),
      }
}

// ------------------------------------------------------------------------------------------------------ expectations

const eventuallyFrom = (source: NonNullable<ExpectSource["eventually"]>[number]): Eventually => ({
  condition: conditionFrom(source),
  within: duration(source.within),
  from: durationOr(source.from, null),
})

const alwaysFrom = (source: NonNullable<ExpectSource["always"]>[number]): Always => ({
  condition: conditionFrom(source),
  from: durationOr(source.from, Duration.zero),
  until: durationOr(source.until, null),
})

const expectTo = (expect: Scenario["expect"]): ExpectSource => ({
  ...unless("violation", expect.violation, null),
  ...(expect.eventually.length === 0
    ? {}
    : {
        eventually: expect.eventually.map((it) => ({
          ...conditionTo(it.condition),
          within: durationText(it.within),
          ...unlessTime("from", it.from, null),
        })),
      }),
  ...(expect.always.length === 0
    ? {}
    : {
        always: expect.always.map((it) => ({
          ...conditionTo(it.condition),
          ...unlessTime("from", it.from, Duration.zero),
          ...unlessTime("until", it.until, null),
        })),
      }),
  ...(expect.final.length === 0 ? {} : { final: expect.final.map(conditionTo) }),
  ...(expect.sometimes.length === 0 ? {} : { sometimes: expect.sometimes.map(seenTo) }),
  ...(expect.never.length === 0 ? {} : { never: expect.never.map(seenTo) }),
})

// ---------------------------------------------------------------------------------------------------------- the whole

const scenarioFrom = (source: ScenarioSource): Scenario => ({
  version: source.shardwright,
  name: source.name,
  about: source.about.trim(),
  covers: source.covers ?? [],
  seed: source.seed ?? defaults.seed,
  engine: source.engine ?? defaults.engine,
  cluster: clusterFrom(source.cluster),
  settings: settingsFrom(source.settings ?? {}),
  tables: (source.tables ?? []).map(tableFrom),
  workloads: (source.workloads ?? []).map(workloadFrom),
  timeline: (source.timeline ?? []).map(entryFrom),
  expect: {
    violation: source.expect?.violation ?? null,
    eventually: (source.expect?.eventually ?? []).map(eventuallyFrom),
    always: (source.expect?.always ?? []).map(alwaysFrom),
    final: (source.expect?.final ?? []).map(conditionFrom),
    sometimes: (source.expect?.sometimes ?? []).map(seenFrom),
    never: (source.expect?.never ?? []).map(seenFrom),
  },
  quiesce: durationOr(source.quiesce, defaults.quiesce),
  until: durationOr(source.until, defaults.until),
})

const scenarioTo = (scenario: Scenario): ScenarioSource => {
  const expect = expectTo(scenario.expect)
  return {
    shardwright: languageVersion,
    name: scenario.name,
    about: scenario.about,
    ...(scenario.covers.length === 0 ? {} : { covers: [...scenario.covers] }),
    seed: scenario.seed,
    ...unless("engine", scenario.engine, defaults.engine),
    cluster: clusterTo(scenario.cluster),
    ...(Object.keys(scenario.settings).length === 0 ? {} : { settings: settingsTo(scenario.settings) }),
    tables: scenario.tables,
    ...(scenario.workloads.length === 0 ? {} : { workloads: scenario.workloads.map(workloadTo) }),
    ...(scenario.timeline.length === 0 ? {} : { timeline: scenario.timeline.map(entryTo) }),
    ...(Object.keys(expect).length === 0 ? {} : { expect }),
    quiesce: durationText(scenario.quiesce),
    until: durationText(scenario.until),
  }
}

/** Decodes the values of a YAML document to a scenario, and encodes a scenario to such values. */
export const ScenarioCodec = ScenarioSource.pipe(
  Schema.decodeTo(
    // The source has been checked key by key and the transformation is total: nothing is left to check.
    Schema.declare((_): _ is Scenario => true, { identifier: "Scenario" }),
    SchemaTransformation.transform({ decode: scenarioFrom, encode: scenarioTo }),
  ),
)
