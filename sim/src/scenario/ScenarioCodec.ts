/**
 * The way between what a scenario file says (`ScenarioSource`) and what the simulator works with (`Scenario`): defaults
 * are filled in on the way in, and left out again on the way back. The two directions stand side by side.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { conditionFrom, conditionTo, seenFrom, seenTo } from "./ConditionCodec.ts"
import { defaults, duration, durationOr, tableFrom, tableTo, unless, unlessTime } from "./CodecParts.ts"
import { durationText } from "./ScalarSchemas.ts"
import type {
  Always,
  ClusterSpec,
  Eventually,
  NodeDeclaration,
  Scenario,
  Settings,
  Threshold,
  Workload,
} from "./Scenario.ts"
import { languageVersion, ScenarioSource } from "./ScenarioSource.ts"
import { measures, parseThreshold, thresholdText } from "./ThresholdSource.ts"
import { entryFrom, entryTo } from "./TimelineCodec.ts"

type Source<Key extends keyof ScenarioSource> = NonNullable<ScenarioSource[Key]>
type WorkloadSource = Source<"workloads">[number]
type NodesSource = Source<"cluster">["nodes"]
type ExpectSource = Source<"expect">

// ---------------------------------------------------------------------------------------------------------- cluster

const nodesFrom = (source: NodesSource, first: number): ReadonlyArray<NodeDeclaration> =>
  typeof source === "number"
    ? Array.from({ length: source }, (_, index) => ({ name: `n${first + index}`, zone: null, weight: defaults.weight }))
    : source.map((node) =>
        typeof node === "string"
          ? { name: node, zone: null, weight: defaults.weight }
          : {
              name: node.name,
              zone: node.zone ?? null,
              weight: node.weight ?? defaults.weight,
              ...(node.capacity === undefined ? {} : { capacity: node.capacity }),
            },
      )

const nodesTo = (nodes: ReadonlyArray<NodeDeclaration>, first: number): NodesSource =>
  nodes.every(
    (node, index) =>
      node.name === `n${first + index}` &&
      node.zone === null &&
      node.weight === defaults.weight &&
      node.capacity === undefined,
  )
    ? nodes.length
    : nodes.map((node) => ({
        name: node.name,
        ...unless("zone", node.zone, null),
        ...unless("weight", node.weight, defaults.weight),
        ...(node.capacity === undefined ? {} : { capacity: node.capacity }),
      }))

const clusterFrom = (source: Source<"cluster">): ClusterSpec => {
  const nodes = nodesFrom(source.nodes, 1)
  return {
    coordination: source.coordination ?? defaults.coordination,
    nodes,
    spares: nodesFrom(source.spares ?? 0, nodes.length + 1),
    threads: source.threads ?? null,
    gate: source.gate ?? defaults.gate,
  }
}

const clusterTo = (cluster: ClusterSpec): Source<"cluster"> => ({
  nodes: nodesTo(cluster.nodes, 1),
  ...unless("spares", nodesTo(cluster.spares, cluster.nodes.length + 1), 0),
  ...unless("coordination", cluster.coordination, defaults.coordination),
  ...unless("threads", cluster.threads, null),
  ...unless("gate", cluster.gate, defaults.gate),
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

const isUsualMix = (mix: Workload["mix"]): boolean =>
  (["insert", "replace", "update", "delete"] as const).every((kind) => mix[kind] === defaults.mix[kind])

const workloadTo = (workload: Workload): WorkloadSource => ({
  table: workload.table,
  ...unless("writers", workload.writers, defaults.writers),
  ...unlessTime("every", workload.every, defaults.every),
  ...unlessTime("from", workload.from, Duration.zero),
  ...unlessTime("until", workload.until, null),
  ...(isUsualMix(workload.mix) ? {} : { mix: workload.mix }),
  ...unless("rows", workload.rows, defaults.rows),
  ...unlessTime("timeout", workload.timeout, defaults.timeout),
  ...unless("through", workload.through, null),
  ...(workload.reads === null
    ? {}
    : { reads: { readers: workload.reads.readers, every: durationText(workload.reads.every) } }),
})

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

const thresholdsFrom = (source: NonNullable<ExpectSource["thresholds"]>): ReadonlyArray<Threshold> =>
  measures.flatMap((measure) => {
    const text = source[measure]
    return text === undefined ? [] : [parseThreshold(measure, text)]
  })

const thresholdsTo = (thresholds: ReadonlyArray<Threshold>): NonNullable<ExpectSource["thresholds"]> =>
  Object.fromEntries(thresholds.map((threshold) => [threshold.measure, thresholdText(threshold)]))

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
  ...(expect.thresholds.length === 0 ? {} : { thresholds: thresholdsTo(expect.thresholds) }),
})

// ---------------------------------------------------------------------------------------------------------- the whole

const scenarioFrom = (source: ScenarioSource): Scenario => ({
  version: source.shardwright,
  name: source.name,
  about: source.about.trim(),
  covers: source.covers ?? [],
  seed: source.seed ?? defaults.seed,
  engine: source.engine ?? defaults.engine,
  without: source.without ?? [],
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
    thresholds: thresholdsFrom(source.expect?.thresholds ?? {}),
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
    ...(scenario.without.length === 0 ? {} : { without: [...scenario.without] }),
    cluster: clusterTo(scenario.cluster),
    ...(Object.keys(scenario.settings).length === 0 ? {} : { settings: settingsTo(scenario.settings) }),
    ...(scenario.tables.length === 0 ? {} : { tables: scenario.tables.map(tableTo) }),
    ...(scenario.workloads.length === 0 ? {} : { workloads: scenario.workloads.map(workloadTo) }),
    ...(scenario.timeline.length === 0 ? {} : { timeline: scenario.timeline.map(entryTo) }),
    ...(Object.keys(expect).length === 0 ? {} : { expect }),
    ...unlessTime("quiesce", scenario.quiesce, defaults.quiesce),
    ...unlessTime("until", scenario.until, defaults.until),
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
