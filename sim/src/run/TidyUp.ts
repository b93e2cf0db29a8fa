/**
 * What people do when a day of chaos is over: what they have paused goes on, what they have not approved is withdrawn,
 * what they have stopped is let go, who is left of a group whose other members are dead goes on alone, and who never comes back
 * is forgotten, so that the cluster may come to rest.
 */
import { isUnproven } from "@shardwright/core/Health"
import { isPrimary } from "@shardwright/core/Observe"
import type { View } from "@shardwright/core/View"
import type { Operators } from "./Operators.ts"
import type { Simulation } from "./Simulation.ts"

/** A word that was refused is given again after this long. */
const againMicros = 20_000_000

/**
 * Groups that nobody serves since most of those that were last seen in them are dead, with the one that is to go on alone; where
 * half of them are left, the engine must know that by itself, unless what is left went through a crash.
 */
const orphans = (view: View, dead: ReadonlyArray<string>) =>
  [...view.groups.values()].flatMap(({ record: { inSync, members, name, status } }) => {
    const serves = members.some(
      (member) => !dead.includes(member) && isPrimary(view.observations.get(member)?.record.groups[name]),
    )
    const node = inSync.find((member) => !dead.includes(member))
    if (status === "dissolved" || serves || node === undefined) return []
    const electorate = view.observations.get(node)?.record.groups[name]?.members ?? []
    const deadCount = electorate.filter((member) => dead.includes(member)).length
    const isDoubtful = deadCount > 0 && isUnproven(view, node, name)
    return isDoubtful || deadCount * 2 > electorate.length ? [{ group: name, node }] : []
  })

/** Asks once for each operation that only people can bring on. */
export class TidyUp {
  readonly #simulation: Simulation
  readonly #operators: Operators
  readonly #asked = new Set<string>()

  constructor(simulation: Simulation, operators: Operators) {
    this.#simulation = simulation
    this.#operators = operators
  }

  /** Looks for such operations, and for nodes that do not come back; true if there are any. */
  look(gone: ReadonlySet<string>): boolean {
    const view = this.#simulation.state.view()
    const simulation = this.#simulation
    const dead = [...gone]
      .filter((name) => !simulation.isUp(name))
      .map((name) => simulation.address(name))
      .filter((address) => view.registry?.record.nodes[address] !== undefined)
    const time = Math.floor(simulation.queue.nowMicros / againMicros)
    for (const { group, node } of orphans(view, dead))
      this.#once(`promote ${node} in ${group} (${time})`, () => ({ _tag: "PromoteGroup", group, node }))
    for (const node of dead) this.#once(`forget ${node} (${time})`, () => ({ _tag: "ForgetNode", node }))
    const paused = [...view.operations.values()].filter(({ record }) => record.status === "paused")
    const drafts = [...view.operations.values()].filter(({ record }) => record.status === "awaiting_approval")
    const held = view.finished?.record.operations.filter((item) => item.held) ?? []
    for (const { record } of paused) {
      const pauses = record.history.filter((change) => change.status === "paused").length
      this.#once(`resume operation ${record.id} (${pauses})`, () => ({ _tag: "Resume", operation: record.id }))
    }
    for (const { record } of drafts) {
      this.#once(`withdraw operation ${record.id}`, () => ({ _tag: "Stop", operation: record.id, now: false }))
    }
    for (const { id, kind } of held) {
      // Of an adoption nothing else retires the tables of the existing orchestrator.
      this.#once(`reset operation ${id}`, () => ({ _tag: "Reset", operation: id, start: kind === "adopt" }))
    }
    return dead.length > 0 || paused.length > 0 || drafts.length > 0 || held.length > 0
  }

  #once(what: string, wish: () => Parameters<Operators["submit"]>[1]): void {
    if (this.#asked.has(what)) return
    this.#asked.add(what)
    this.#operators.submit(what, wish())
  }
}
