/**
 * Faults on a world that is served: the faults of scenarios, on daemons without agents. What is left to chance is drawn
 * from the seed that the world is served with.
 */
import { aimFault } from "../fault/aim.ts"
import { FaultInjector } from "../fault/FaultInjector.ts"
import type { Installation, Processes } from "../fault/Installation.ts"
import { drawMicros, recur } from "../fault/recur.ts"
import { NodeClock } from "../runtime/NodeClock.ts"
import type { RandomStream } from "../runtime/RandomStream.ts"
import { type Course, drawWords, type Fault, selectorsOf, selectorWords, targetsOf } from "../scenario/Fault.ts"
import type { NodeDeclaration } from "../scenario/Scenario.ts"
import type { World } from "../world/World.ts"

/** A daemon that is down, or will be soon. */
const isGoing = (world: World, node: string): boolean => {
  const daemon = world.hosts.get(node)?.daemon
  return daemon === undefined || (!daemon.accepting && daemon.upSinceMicros > 0)
}

class ServedInstallation implements Installation {
  readonly world: World
  readonly isGated = false
  readonly names: ReadonlyArray<string>
  readonly #zones: ReadonlyMap<string, string | null>
  readonly #words = new Map<string, string>()

  constructor(world: World, nodes: ReadonlyArray<NodeDeclaration>) {
    this.world = world
    this.names = nodes.map(({ name }) => name)
    this.#zones = new Map(nodes.map(({ name, zone }) => [name, zone]))
    world.subscribe((event) => {
      if (event.kind === "daemon" && ["killed", "stopped", "paused"].includes(event.state))
        this.#words.set("victim", event.node)
      if (event.kind === "transfer" && event.state === "started")
        this.#words.set("donor", event.donor).set("joiner", event.joiner)
    })
  }

  get queue() {
    return this.world.queue
  }

  get members(): ReadonlyArray<string> {
    return this.names
  }

  readonly processes: Processes = {
    kill: (node) => this.world.kill(node),
    stop: (node) => this.world.stop(node),
    start: (node, _, flag) => {
      this.world.kill(node)
      this.world.start(node, { newCluster: flag === "new-cluster", newClusterForce: flag === "new-cluster-force" })
    },
    revive: (node) => {
      if (isGoing(this.world, node)) this.processes.start(node, "daemon", null)
    },
    pause: (node) => this.world.pause(node),
    resume: (node) => this.world.resume(node),
  }

  zoneOf(node: string): string | null {
    return this.#zones.get(node) ?? null
  }

  find(selector: string): string | undefined {
    return selectorWords.includes(selector) ? this.#words.get(selector) : selector
  }

  clockOf(): NodeClock {
    return new NodeClock(this.queue)
  }

  touched(): void {}
}

/** Faults that clients of the control begin and end. */
export class ServedFaults {
  readonly injector: FaultInjector
  readonly #installation: ServedInstallation
  readonly #random: RandomStream

  constructor(world: World, nodes: ReadonlyArray<NodeDeclaration>, random: RandomStream) {
    this.#installation = new ServedInstallation(world, nodes)
    this.#random = random
    this.injector = new FaultInjector(this.#installation, random.stream("order"))
  }

  /** Why a fault cannot be begun; undefined if it can. */
  problem(fault: Fault): { readonly status: 404 | 409; readonly message: string } | undefined {
    if (fault._tag === "ClockJump" || fault._tag === "ClockSkew" || ("what" in fault && fault.what === "agent"))
      return { status: 409, message: "no agents run here: only daemons are served" }
    const { names } = this.#installation
    for (const target of targetsOf(fault)) {
      if (
        typeof target === "object" &&
        "zone" in target &&
        !names.some((name) => this.#installation.zoneOf(name) === target.zone)
      )
        return { status: 404, message: `no node is in the zone '${target.zone}'` }
      for (const selector of selectorsOf(target)) {
        if (selectorWords.includes(selector)) {
          if (this.#installation.find(selector) === undefined)
            return { status: 409, message: `there is no ${selector} now` }
        } else if (!names.includes(selector)) {
          const known = `the nodes are ${names.join(", ")}, and words are ${[...selectorWords, ...drawWords].join(", ")}`
          return { status: 404, message: `there is no node '${selector}'; ${known}` }
        }
      }
    }
    return undefined
  }

  /** Lets a fault come due now, and again as its course says. */
  begin(fault: Fault, course: Course | null): void {
    const { queue } = this.#installation
    const random = this.#random
    const happen = (): void => {
      // What a word means may have gone since the request.
      if (this.problem(fault) !== undefined) return
      const running = this.injector.begin(aimFault(fault, this.#installation, random))
      const lasts = course?.lasts ?? null
      if (running !== null && lasts !== null) queue.after(drawMicros(lasts, random), () => running.end())
    }
    recur(course, { queue, zeroMicros: queue.nowMicros, random }, { happen, leftOut: () => {}, last: () => {} })
  }
}
