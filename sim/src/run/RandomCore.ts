/**
 * Between chaos and rest: a majority of the nodes, drawn at random, is well, and everybody else is dead, stalled or cut off
 * for good. The design promises that such a core goes on by itself: it has a leader, its operations go on or say what they
 * wait for, and writes are acknowledged again on every table whose groups it has enough of. Nothing may wait for a node
 * that does not come back; a cluster that is only well once all are back would never show that.
 */
import { isLive, type Table } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import * as Duration from "effect/Duration"
import { silentOperations } from "../exhaust/silence.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Fault } from "../scenario/Fault.ts"
import { ClientModel } from "../workload/ClientModel.ts"
import { TableClients } from "../workload/TableClients.ts"
import type { Judged } from "./Conditions.ts"
import type { FaultBudget } from "./FaultBudget.ts"
import type { Asked, Operators } from "./Operators.ts"
import type { Simulation } from "./Simulation.ts"
import { createWish } from "./Setup.ts"

/**
 * After so long the core must be at work: 6.5 s until members are evicted, up to 20 s until the lease of a dead leader is
 * taken over, and from then on 20 s until groups are promoted.
 */
const settleMicros = 60_000_000
/** For so long writers of its own write to each table that the core has enough of. */
const workMicros = 30_000_000
/** So long a restart of a daemon is felt: it stops within 5 s, starts, and its groups come back one after another. */
const restartMicros = 15_000_000
/**
 * They write 570 rows if nothing hinders them. A shard that is not served refuses its share of the rows, one of twelve at
 * the least, or leaves each writer without an answer from four nodes. What is refused while a wrapper is replaced is a row
 * or two.
 */
const writers = { writers: 4, everyMicros: 200_000, timeoutMicros: 4_000_000 } as const
const rowsMin = 100
const unknownMax = 1
const refusedMax = (rows: number): number => 2 + rows / 25
/** Ids of their rows; those of other clients are below. */
const firstIds = 900_000_000_000
/** Draws of a core until it is given up that there is one within the budget. */
const drawsMax = 8

/** How a node is away. */
const ways = ["killed", "stalled", "cut off"] as const

/** One core, and what is demanded of it. */
export class RandomCore {
  readonly nodes: ReadonlyArray<string>
  readonly #inside: Judged
  readonly #operators: Operators
  readonly #away: ReadonlyMap<string, (typeof ways)[number]>
  /** Tables that must be written to, as they were when the core was drawn. */
  readonly #demanded: ReadonlyMap<string, Table>
  readonly #clients: Array<TableClients> = []
  readonly #random: RandomStream
  readonly #asked: Asked
  #mend: () => void = () => undefined

  private constructor(
    inside: Judged,
    operators: Operators,
    nodes: ReadonlyArray<string>,
    away: ReadonlyMap<string, (typeof ways)[number]>,
    random: RandomStream,
  ) {
    this.#inside = inside
    this.#operators = operators
    this.nodes = nodes
    this.#random = random
    this.#away = away
    const view = inside.simulation.state.view()
    this.#demanded = new Map(
      [...inside.context.clients.keys()].flatMap((name) => {
        const table = view.tables.get(name)?.record
        return table !== undefined && this.#hasEnoughOf(view, table) ? [[name, table] as const] : []
      }),
    )
    this.#takeAway()
    const table = { name: "made_by_the_core", shards: 1, rf: 1, structure: "title text, v bigint" }
    this.#asked = operators.submit(`create ${table.name}`, createWish(table))
  }

  /** Draws a core and takes everybody else away; undefined where that would be more than the design survives. */
  static draw(inside: Judged, operators: Operators, budget: FaultBudget, random: RandomStream): RandomCore | undefined {
    const { members } = inside.simulation
    const most = Math.floor((members.length - 1) / 2)
    if (most < 1) return undefined
    for (let draw = 0; draw < drawsMax; draw++) {
      const outside = random.shuffle(members).slice(0, random.int(1, most))
      const fault: Fault = { _tag: "Pause", node: outside, what: "host" }
      if (budget.excess(fault, outside) !== undefined) continue
      const away = new Map(outside.map((name) => [name, random.pick(ways) ?? "killed"]))
      const nodes = members.filter((name) => !outside.includes(name))
      // Whose daemon is just being restarted is no part of the view that a majority is counted from, or will be none.
      const { coordination } = inside.context.config
      if (
        !nodes.every(
          (name) => inside.simulation.world.isAccepting(name) && isSynced(inside.simulation, name, coordination),
        )
      )
        continue
      return new RandomCore(inside, operators, nodes, away, random)
    }
    return undefined
  }

  /** `only n1, n3 are well: n2 is killed` */
  get text(): string {
    const away = [...this.#away].map(([name, way]) => `${name} is ${way}`).join(", ")
    return `only ${this.nodes.join(", ")} are well: ${away}; demanded of ${[...this.#demanded.keys()].join(", ") || "no table"}`
  }

  /** How long it takes until the core is judged. */
  static readonly settleMicros = settleMicros
  static readonly workMicros = workMicros

  /** Begins to write to the tables; to be called when the core has settled. */
  beginWork(): void {
    const { simulation } = this.#inside
    for (const [index, [name, { structure }]] of [...this.#demanded].entries()) {
      const options = {
        ...writers,
        structure,
        mix: { insert: 1, replace: 0, update: 0, delete: 0 },
        rows: 1,
        readers: 0,
        readEveryMicros: 0,
        firstId: firstIds + index * 1_000_000_000,
      }
      const clients = new TableClients(options, {
        world: simulation.world,
        queue: simulation.queue,
        random: this.#random.stream(`writers of ${name}`),
        model: new ClientModel(name),
        targets: () => this.nodes.filter((node) => simulation.isUp(node)),
        onPartial: () => undefined,
      })
      this.#clients.push(clients)
      clients.start()
    }
  }

  /** Ends the work, and says in words what the core did not achieve. */
  problems(): ReadonlyArray<string> {
    const { simulation, context } = this.#inside
    const problems = [...silentOperations(this.#inside)]
    const { leader } = simulation
    const renewedMicros = simulation.state.get("lease")?.atMicros ?? 0
    const leaseMicros = Duration.toMillis(context.config.leaseDuration) * 1000
    if (leader === undefined || !this.nodes.includes(leader)) problems.push(`${leader ?? "nobody"} holds the lease`)
    else if (simulation.queue.nowMicros - renewedMicros > 2 * leaseMicros)
      problems.push(`${leader} holds the lease, and has not renewed it since ${simulation.atMs(renewedMicros)} ms`)
    const request = this.#operators.outcome(this.#asked)
    // The leader has looked at it, and says what it waits for: as many operations as may are under way, or paused.
    const isWaiting = request.text.startsWith("new: waits: ")
    const isBusy = [...simulation.state.view().operations.values()].some(({ record }) => isLive(record))
    if (!request.settled && !isWaiting && !isBusy) problems.push(`request '${this.#asked.what}' is ${request.text}`)
    for (const clients of this.#clients) {
      clients.stop()
      const { table, acknowledged, refused, unknown } = clients.environment.model
      if (!this.#inside.context.clients.has(table) || this.#hasFewerCopies(table)) continue
      const isSteady = unknown <= unknownMax && refused <= refusedMax(acknowledged)
      if (acknowledged < rowsMin || !(isSteady || this.#mayRestart))
        problems.push(
          `of the rows written to ${table} within ${workMicros / 1_000_000} s, ${acknowledged} were acknowledged, ${refused} refused, and of ${unknown} nothing is known`,
        )
    }
    return problems
  }

  /** Brings everybody back. */
  end(): void {
    const { processes } = this.#inside.simulation
    this.#mend()
    for (const [name, way] of this.#away) {
      if (way === "killed") processes.revive(name, "host")
      if (way === "stalled") processes.resume(name, "host")
    }
  }

  /** Somebody asked for fewer copies meanwhile, and those that stay may be outside the core. */
  #hasFewerCopies(table: string): boolean {
    const now = this.#inside.simulation.state.view().tables.get(table)?.record
    return now !== undefined && now.rf < (this.#demanded.get(table)?.rf ?? 0)
  }

  /**
   * Cluster statements wait for who is stalled or was cut off in the middle of one, and an agent restarts a daemon that
   * answers none because of them: whoever does so takes the token first.
   */
  get #mayRestart(): boolean {
    const { state, queue } = this.#inside.simulation
    const tokenMicros = state.get("restart")?.atMicros ?? Number.NEGATIVE_INFINITY
    return [...this.#away.values()].includes("stalled") || tokenMicros > queue.nowMicros - workMicros - restartMicros
  }

  #takeAway(): void {
    const { processes, faults } = this.#inside.simulation
    const cut: Array<string> = []
    for (const [name, way] of this.#away) {
      if (way === "killed") processes.kill(name, "host")
      else if (way === "stalled") processes.pause(name, "host")
      else cut.push(name)
    }
    const others = this.#inside.simulation.names.filter((name) => !cut.includes(name))
    if (cut.length > 0) this.#mend = faults.links.partition([others, ...cut.map((name) => [name])])
  }

  /**
   * Whether the table is at rest, and half of each of its groups, or the only copy, is in the core. None of its copies is
   * on a node that is stalled: a wrapper that has chosen such a mirror waits for it as long as it names it, which it does
   * while no other node could take its place.
   */
  #hasEnoughOf(view: View, table: Table): boolean {
    return table.status === "ready" && table.operation === null && table.layout.every((it) => this.#keeps(view, it))
  }

  #keeps(view: View, { group: name, nodes }: Table["layout"][number]): boolean {
    const { simulation } = this.#inside
    const isKept = (address: string): boolean => this.nodes.includes(simulation.hostOf(address) ?? "")
    if (name === null) return nodes.every(isKept)
    const group = view.groups.get(name)?.record
    if (group === undefined || group.status !== "live" || group.operation !== null) return false
    const isWhole =
      group.exiled.length === 0 && group.leaving.length === 0 && group.inSync.length === group.members.length
    const isStalled = (address: string): boolean => this.#away.get(simulation.hostOf(address) ?? "") === "stalled"
    return (
      isWhole &&
      group.members.every((it) => isSynced(simulation, simulation.hostOf(it), name) && !isStalled(it)) &&
      group.members.filter(isKept).length * 2 >= group.members.length
    )
  }
}

const isSynced = (simulation: Simulation, host: string | undefined, cluster: string): boolean =>
  host !== undefined &&
  simulation.isUp(host) &&
  simulation.world
    .clusters(host)
    .some(({ name, status, nodeState }) => name === cluster && status === "primary" && nodeState === "synced")
