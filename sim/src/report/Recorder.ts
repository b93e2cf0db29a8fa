/**
 * Looks on while a scenario runs, and gathers what a page shows of it. It makes nothing happen: not an event is added to
 * the queue, so the run is the same as without it.
 */
import { isLive, type Lease, type Operation, type StepRow } from "@shardwright/core/State"
import type { CommittedRecord } from "../check/StateWatcher.ts"
import type { Judged } from "../run/Conditions.ts"
import { describeAct } from "../run/describe.ts"
import type { Inspector } from "../run/RunScenario.ts"
import type { ScenarioResult } from "../run/ScenarioResult.ts"
import type { Decision } from "../run/TimelineRunner.ts"
import { isFault, selectorsOf, targetsOf } from "../scenario/Fault.ts"
import type { ClusterView, WorldEvent } from "../world/SimulatedCluster.ts"
import { Calls } from "./Calls.ts"
import { Changes } from "./Changes.ts"
import type { FaultRecording, Recording, ShardRecording, StepRecording } from "./Recording.ts"
import { Writes } from "./Writes.ts"

type ShardState = ShardRecording["changes"][number]["state"]

const sameList = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && a.every((item, index) => item === b[index])
const sameShard = (a: ShardState, b: ShardState): boolean =>
  a.rf === b.rf && sameList(a.inSync, b.inSync) && sameList(a.members, b.members)

const clusterState = ({ status, nodeState, size }: Pick<ClusterView, "status" | "nodeState" | "size">): string =>
  status === "" ? "" : `${status} ${nodeState} ${size}`

/** The fields of a step that say what it is about, in the order in which they tell most. */
const aboutOf = (step: StepRow["step"]): string =>
  ["physical", "group", "table"]
    .flatMap((field) => {
      const value = Object.entries(step).find(([key]) => key === field)?.[1]
      return typeof value === "string" ? [value] : []
    })
    .join(" ")

/** What is known of a node's daemon by its last event. */
const daemonStates: Readonly<Record<Extract<WorldEvent, { readonly kind: "daemon" }>["state"], string>> = {
  starting: "starting",
  up: "up",
  killed: "killed",
  stopped: "stopped",
  paused: "paused",
  resumed: "up",
  crashed: "crashed",
}

/** Gathers a recording; give `inspector` to the run. */
export class Recorder {
  readonly #daemons = new Changes<string>()
  readonly #agents = new Changes<boolean>()
  readonly #cuts = new Changes<boolean>()
  readonly #memberships = new Changes<string>()
  readonly #operations = new Map<string, Operation>()
  readonly #operationStatus = new Changes<string>()
  readonly #steps = new Map<string, StepRow>()
  readonly #stepStatus = new Changes<string>()
  readonly #leaders = new Changes<{ readonly node: string; readonly term: number }>(
    (a, b) => a.node === b.node && a.term === b.term,
  )
  readonly #shards = new Changes<ShardState>(sameShard)
  readonly #faults: Array<FaultRecording> = []
  readonly #writes = new Writes()
  readonly #calls = new Calls()
  #inside: Judged | undefined
  #orderSeen = -1

  readonly inspector: Inspector = {
    atZero: (inside) => this.#begin(inside),
    onTick: () => this.#tick(),
    onDecision: (decision) => this.#decided(decision),
    atEnd: () => this.#calls.end(this.#exactMs),
  }

  #begin(inside: Judged): void {
    this.#inside = inside
    const { simulation } = inside
    simulation.onEvent((event) => this.#onEvent(event))
    simulation.state.onRecord((record) => this.#onRecord(record))
    for (const name of simulation.names) {
      this.#daemons.set(name, 0, simulation.isUp(name) ? "up" : "stopped")
      for (const cluster of simulation.world.clusters(name))
        this.#memberships.set(`${name} ${cluster.name}`, 0, clusterState(cluster))
    }
    const lease = simulation.state.get("lease")
    if (lease !== undefined) this.#onRecord(lease)
    this.#tick()
  }

  /** Milliseconds with their fractions: statements are shorter than one. */
  get #exactMs(): number {
    const simulation = this.#inside?.simulation
    return simulation === undefined ? 0 : (simulation.queue.nowMicros - simulation.zeroMicros) / 1000
  }

  #tick(): void {
    if (this.#inside === undefined) return
    const { simulation, context } = this.#inside
    const atMs = simulation.nowMs
    for (const name of simulation.names) {
      this.#agents.set(name, atMs, simulation.agentRuns(name))
      this.#cuts.set(name, atMs, simulation.faults.links.disturbs(name))
    }
    this.#writes.look(atMs, context.clients.values())
    if (simulation.state.order !== this.#orderSeen) this.#lookAtShards()
  }

  #lookAtShards(): void {
    if (this.#inside === undefined) return
    const { simulation } = this.#inside
    this.#orderSeen = simulation.state.order
    const view = simulation.state.view()
    const hosts = (addresses: ReadonlyArray<string>): ReadonlyArray<string> =>
      addresses.map((address) => simulation.hostOf(address) ?? address).toSorted()
    for (const { record: table } of view.tables.values()) {
      for (const { shard, group, nodes } of table.layout) {
        const record = group === null ? undefined : view.groups.get(group)?.record
        this.#shards.set(`${table.name}/${shard}`, simulation.nowMs, {
          rf: table.status === "ready" ? table.rf : 0,
          inSync: hosts(record?.inSync ?? nodes),
          members: hosts(record?.members ?? nodes),
        })
      }
    }
  }

  #decided({ act, atMs, lastsMs }: Decision): void {
    if (!isFault(act)) return
    const nodes = [...new Set(targetsOf(act).flatMap(selectorsOf))]
    this.#faults.push({ atMs, toMs: lastsMs === null ? null : atMs + lastsMs, nodes, text: describeAct(act) })
  }

  #onEvent(event: WorldEvent): void {
    switch (event.kind) {
      case "daemon":
        this.#daemons.set(event.node, Math.round(this.#exactMs), daemonStates[event.state])
        break
      case "cluster":
        this.#memberships.set(`${event.node} ${event.cluster}`, Math.round(this.#exactMs), clusterState(event))
        break
      case "statement":
      case "answer":
        this.#calls.see(event, this.#exactMs)
        break
      case "commit":
      case "network":
      case "transfer":
        break
    }
  }

  #onRecord({ key, value }: CommittedRecord): void {
    const simulation = this.#inside?.simulation
    if (simulation === undefined) return
    const atMs = simulation.nowMs
    // The three casts: the store writes nothing else under these keys.
    if (key === "lease") {
      const { holder, term, released } = value as Lease
      this.#leaders.set("", atMs, { node: released ? "" : (simulation.hostOf(holder) ?? holder), term })
    } else if (key.startsWith("operation/")) {
      const operation = value as Operation
      this.#operations.set(operation.id, operation)
      const isUndoing = operation.undoing && isLive(operation)
      this.#operationStatus.set(operation.id, atMs, isUndoing ? "undoing" : operation.status)
    } else if (key.startsWith("step/")) {
      const step = value as StepRow
      this.#steps.set(key, step)
      this.#stepStatus.set(key, atMs, step.status)
    }
  }

  /** What was gathered, with how the run ended. */
  recording(result: ScenarioResult, about: string, repro: string): Recording {
    const { name, file, seed, passed, class: kind, virtualMs, events, commands, traceHash } = result
    const simulation = this.#inside?.simulation
    return {
      result: { name, file, seed, passed, class: kind, virtualMs, events, commands, traceHash },
      about,
      repro,
      stats: result.stats,
      violations: result.violations,
      expectations: result.expectations,
      nodes: (simulation?.names ?? []).map((node) => ({
        name: node,
        daemon: this.#daemons.of(node),
        agent: this.#agents.of(node),
        cut: this.#cuts.of(node),
      })),
      memberships: this.#memberships.keys.map((key) => {
        const [node = "", cluster = ""] = key.split(" ")
        return { node, cluster, changes: this.#memberships.of(key) }
      }),
      leaders: this.#leaders.of(""),
      operations: [...this.#operations.values()].map(({ id, kind: operationKind, table, reason }) => ({
        id,
        kind: operationKind,
        table,
        reason,
        status: this.#operationStatus.of(id),
        steps: this.#stepsOf(id),
      })),
      shards: this.#shards.keys
        .map((key) => {
          const [table = "", shard = ""] = key.split("/")
          return { table, shard: Number(shard), changes: this.#shards.of(key) }
        })
        .filter(({ changes }) => changes.some(({ state }) => state.rf > 0)),
      faults: this.#faults,
      writes: this.#writes.samples(),
      happenings: result.timeline.filter(({ atMs }) => atMs >= 0),
      texts: this.#calls.texts,
      calls: this.#calls.calls,
      callsLeftOut: this.#calls.leftOut,
    }
  }

  #stepsOf(operation: string): ReadonlyArray<StepRecording> {
    const simulation = this.#inside?.simulation
    return [...this.#steps]
      .filter(([, step]) => step.operation === operation)
      .map(([key, { index, step, node, dependsOn, undoes, error }]) => ({
        index,
        kind: step._tag,
        about: aboutOf(step),
        node: node === null ? null : (simulation?.hostOf(node) ?? node),
        dependsOn,
        undoes,
        status: this.#stepStatus.of(key),
        error,
      }))
      .toSorted((a, b) => a.index - b.index)
  }
}
