/**
 * Finds out which nodes a fault means at the moment when it happens. What is to be drawn is drawn here, and told.
 */
import type { RandomStream } from "../runtime/RandomStream.ts"
import { type Fault, type Group, selectorsOf, type Target } from "../scenario/Fault.ts"
import { partitionGroups } from "../scenario/Scenario.ts"
import type { Installation } from "./Installation.ts"

/** A fault whose nodes are all named, and what was drawn for that. */
export interface Aimed {
  readonly fault: Fault
  /** Names of the nodes that it hits; for links, of those that send; for partitions, the one that is named first. */
  readonly nodes: ReadonlyArray<string>
  /** `minority is n2, n4`, for each target that is no name. */
  readonly drawn: ReadonlyArray<string>
}

/** How a target is written. */
export const targetText = (target: Target): string =>
  typeof target === "string"
    ? target
    : "zone" in target
      ? `zone ${target.zone}`
      : "random" in target
        ? `random ${target.random}`
        : target.join(",")

/** How many of so many nodes a word means; undefined: it is the name of one. */
const countOf = (target: Target, nodes: number): number | undefined => {
  if (typeof target === "object") return "random" in target ? target.random : undefined
  switch (target) {
    case "one":
      return 1
    case "minority":
      return Math.floor((nodes - 1) / 2)
    case "majority":
      return Math.floor(nodes / 2) + 1
    default:
      return undefined
  }
}

class Aim {
  readonly drawn: Array<string> = []
  readonly #installation: Installation
  readonly #random: RandomStream

  constructor(installation: Installation, random: RandomStream) {
    this.#installation = installation
    this.#random = random
  }

  nodes(target: Target): ReadonlyArray<string> {
    const { members, names } = this.#installation
    const count = countOf(target, members.length)
    if (count !== undefined) return this.#told(target, this.#draw(count))
    if (target === "all") return this.#told(target, members)
    if (typeof target === "string") return [this.#named(target)]
    if ("zone" in target) {
      return this.#told(
        target,
        names.filter((name) => this.#installation.zoneOf(name) === target.zone),
      )
    }
    return "random" in target ? [] : [...new Set(target.map((selector) => this.#named(selector)))]
  }

  /** Groups with every node in one: names first, then what words mean. */
  groups(groups: ReadonlyArray<Group>): ReadonlyArray<ReadonlyArray<string>> {
    const lists = groups.map((group) =>
      typeof group === "object" && Symbol.iterator in group ? group : this.nodes(group),
    )
    return partitionGroups(lists, this.#installation.names, (word) => this.#installation.find(word) ?? null)
  }

  #named(selector: string): string {
    const name = this.#installation.find(selector)
    if (name === undefined) throw new Error(`there is no ${selector}`)
    return name
  }

  /** Nodes that are up come first: a fault of one that is down is none. */
  #draw(count: number): ReadonlyArray<string> {
    const { members, world } = this.#installation
    const shuffled = this.#random.shuffle(members)
    const isUp = (name: string) => world.isUp(name)
    return [...shuffled.filter(isUp), ...shuffled.filter((name) => !isUp(name))].slice(0, count)
  }

  #told(target: Target, nodes: ReadonlyArray<string>): ReadonlyArray<string> {
    this.drawn.push(`${targetText(target)} is ${nodes.join(", ") || "nobody"}`)
    return nodes
  }
}

/** The fault with every target replaced by names. Every selector word must mean a node now. */
export const aimFault = (fault: Fault, installation: Installation, random: RandomStream): Aimed => {
  const aim = new Aim(installation, random)
  switch (fault._tag) {
    case "Heal":
      return { fault, nodes: [], drawn: [] }
    case "Partition": {
      const groups = aim.groups(fault.groups)
      const first = fault.groups.flatMap(selectorsOf)[0]
      return { fault: { ...fault, groups }, nodes: first === undefined ? [] : aim.nodes(first), drawn: aim.drawn }
    }
    case "Cut":
    case "Flap":
    case "Link": {
      const from = aim.nodes(fault.from)
      const to = fault.to === null ? installation.names.filter((name) => !from.includes(name)) : aim.nodes(fault.to)
      return { fault: { ...fault, from, to }, nodes: from, drawn: aim.drawn }
    }
    case "Ring":
    case "Swizzle": {
      const nodes = aim.nodes(fault.nodes)
      return { fault: { ...fault, nodes }, nodes, drawn: aim.drawn }
    }
    default: {
      if (fault.node === null) return { fault, nodes: [], drawn: [] }
      const nodes = aim.nodes(fault.node)
      return { fault: { ...fault, node: nodes }, nodes, drawn: aim.drawn }
    }
  }
}
