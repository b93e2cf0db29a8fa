/**
 * What Prometheus scrapes: counters of what this runner did, from the journal; how long its statements took; and gauges of what the
 * records say, which are made anew for each scrape, so that what is gone leaves nothing behind.
 */
import { findings } from "@shardwright/core/Findings"
import type { EngineConfig } from "@shardwright/core/EngineConfig"
import { failureOf } from "@shardwright/core/ErrorClass"
import type { JournalEvent } from "@shardwright/core/Journal"
import { Manticore } from "@shardwright/core/Manticore"
import type { Looked } from "@shardwright/core/Operator"
import { progressOf } from "@shardwright/core/operation/progress"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"

type Labels = Readonly<Record<string, string>>

/** From a statement that is answered from memory to one that waits for an eviction, in seconds. */
const boundaries = Metric.boundariesFromIterable([
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60,
])

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const counters = {
  steps: counter("shardwright_steps_total", "Steps of this runner, by kind and by how they went on"),
  operations: counter(
    "shardwright_operation_changes_total",
    "Changes of an operation's status that this runner made as leader",
  ),
  moves: counter("shardwright_moves_total", "Copies that came to a new node"),
  movedRows: counter("shardwright_moved_rows_total", "Rows of those copies"),
  writes: counter("shardwright_record_writes_total", "Writes of records that did not simply succeed"),
  findings: counter("shardwright_finding_events_total", "Findings that were written into the journal"),
  leader: counter("shardwright_leader_events_total", "Leases of this runner that began and ended"),
  statements: counter("shardwright_sql_statements_total", "Statements to daemons, by the class of their outcome"),
  endpoint: counter("shardwright_sql_endpoint_total", "Statements that daemons handed on, by what became of them"),
}
const latency = Metric.histogram("shardwright_sql_seconds", {
  description: "How long daemons took to answer statements",
  boundaries,
})
const endpointLatency = Metric.histogram("shardwright_sql_endpoint_seconds", {
  description: "How long it took to answer statements that daemons handed on",
  boundaries,
})

/** What this runner counts. */
export class Metrics {
  readonly #context: Context.Context<never> = Context.make(Metric.MetricRegistry, new Map())

  #add(metric: Metric.Counter<number>, labels: Labels, by = 1): void {
    Metric.withAttributes(metric, labels).updateUnsafe(by, this.#context)
  }

  /** Counts an event of the engine. */
  journal(event: JournalEvent): void {
    switch (event.kind) {
      case "step":
        return this.#add(counters.steps, { kind: event.stepKind, status: event.status })
      case "operation":
        return this.#add(counters.operations, { kind: event.operationKind, status: event.status })
      case "move":
        this.#add(counters.moves, {}, event.replicas)
        return this.#add(counters.movedRows, {}, event.rows)
      case "write":
        return this.#add(counters.writes, { event: event.event })
      case "finding":
        return this.#add(counters.findings, { code: event.code })
      case "leader":
        return this.#add(counters.leader, { event: event.event })
      case "agent":
      case "wrapper":
        return undefined
    }
  }

  /** Counts a statement that a daemon handed on. */
  endpoint(what: string, ms: number): void {
    this.#add(counters.endpoint, { result: what })
    endpointLatency.updateUnsafe(ms / 1000, this.#context)
  }

  /** The connection to daemons, with a clock beside it. */
  measured(manticore: Manticore["Service"]): Manticore["Service"] {
    return Manticore.of({
      query: (node, sql, timeout) =>
        Effect.suspend(() => {
          const begunMs = performance.now()
          return Effect.tap(manticore.query(node, sql, timeout), (answer) =>
            Effect.sync(() => {
              latency.updateUnsafe((performance.now() - begunMs) / 1000, this.#context)
              this.#add(counters.statements, { class: failureOf(answer)?.class ?? "ok" })
            }),
          )
        }),
    })
  }

  /** Everything as text; `looked` is undefined if the records cannot be read now. */
  render(standing: Standing): string {
    const own = PrometheusMetrics.formatUnsafe(this.#context)
    const context: Context.Context<never> = Context.make(Metric.MetricRegistry, new Map())
    const set = (name: string, description: string, value: number, labels: Labels = {}): void =>
      Metric.withAttributes(gauge(name, description), labels).updateUnsafe(value, context)
    gauges(standing, set)
    return own + PrometheusMetrics.formatUnsafe(context)
  }
}

/** What a scrape tells beside counters. */
export interface Standing {
  readonly node: string
  readonly config: EngineConfig
  readonly ready: boolean
  /** By the wall clock. */
  readonly nowMs: number
  readonly looked: Looked | undefined
}

type Set = (name: string, description: string, value: number, labels?: Labels) => void

/** How many of each. */
const tally = <A>(items: Iterable<A>, labelsOf: (item: A) => Labels): ReadonlyArray<readonly [Labels, number]> => {
  const counted = new Map<string, readonly [Labels, number]>()
  for (const item of items) {
    const labels = labelsOf(item)
    const key = JSON.stringify(labels)
    counted.set(key, [labels, (counted.get(key)?.[1] ?? 0) + 1])
  }
  return [...counted.values()]
}

const gauges = ({ config, looked, node, nowMs, ready }: Standing, set: Set): void => {
  set("shardwright_ready", "1 while the agent of this runner acts", ready ? 1 : 0)
  set("shardwright_records_readable", "1 while the records can be read on this node", looked === undefined ? 0 : 1)
  if (looked === undefined) return
  const { away, isCurrent, seen, view } = looked
  const lease = view.lease?.record
  const isLeader = lease !== undefined && !lease.released && lease.holder === node
  set("shardwright_leader", "1 if this node holds the lease", isLeader ? 1 : 0)
  set("shardwright_lease_held", "1 if some node holds the lease", lease !== undefined && !lease.released ? 1 : 0)
  set("shardwright_term", "Number of the last lease", lease?.term ?? 0)
  set(
    "shardwright_registry_epoch",
    "Number of the last change of the registered nodes",
    view.registry?.record.epoch ?? 0,
  )
  const nodes = Object.entries(view.registry?.record.nodes ?? {})
  for (const [labels, count] of tally(nodes, ([name, { state }]) => ({
    state,
    presence: away.has(name) ? "away" : "present",
  })))
    set("shardwright_nodes", "Registered nodes", count, labels)
  const tables = [...view.tables.values()].filter(({ record }) => record.status !== "dropped")
  for (const [labels, count] of tally(tables, ({ record: { status } }) => ({ status })))
    set("shardwright_tables", "Sharded tables", count, labels)
  const groups = [...view.groups.values()].map(({ record }) => record).filter(({ status }) => status !== "dissolved")
  const primaryOf = (name: string): boolean =>
    [...view.observations].some(
      ([observer, { record }]) => !away.has(observer) && record.groups[name]?.status === "primary",
    )
  for (const [labels, count] of tally(groups, (group) => ({
    status: group.status,
    state:
      group.status !== "forming" && !primaryOf(group.name)
        ? "no-primary"
        : group.inSync.filter((member) => !away.has(member)).length < group.rf
          ? "under-replicated"
          : "whole",
  })))
    set("shardwright_groups", "Replica groups, by what the records say and by how they are", count, labels)
  const operations = [...view.operations.values()].map(({ record }) => record)
  for (const [labels, count] of tally(operations, ({ kind, status }) => ({ kind, status })))
    set("shardwright_operations", "Operations that have not ended", count, labels)
  const steps = operations.flatMap(({ id }) => view.steps.get(id) ?? [])
  for (const [labels, count] of tally(steps, ({ record }) => ({ kind: record.step._tag, status: record.status })))
    set("shardwright_steps", "Steps of operations that have not ended", count, labels)
  let copied = 0
  let expected = 0
  for (const operation of operations) {
    const { bytes } = progressOf(view, operation, nowMs, away)
    copied += bytes.copied
    expected += bytes.expected ?? 0
  }
  set("shardwright_copy_bytes", "Bytes that running operations have copied", copied)
  set(
    "shardwright_copy_bytes_expected",
    "Bytes that running operations are expected to copy, as far as known",
    expected,
  )
  const waiting = [...view.requests.values()].filter(({ record }) => record.status === "new").length
  set("shardwright_queue", "Requests that no operation has taken up yet", waiting)
  const circumstances = { presence: { away, lost: new Set<string>() }, config, coordination: seen, isCurrent }
  for (const [labels, count] of tally(findings(view, circumstances), ({ code, severity }) => ({ code, severity })))
    set("shardwright_findings", "What is amiss now", count, labels)
}
