/**
 * Faults of the network. Several may be in force at once: a link that two of them cut carries packets again when both
 * have ended.
 */
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Link } from "../world/SimulatedCluster.ts"
import type { Installation } from "./Installation.ts"

/** Links that one fault cuts, and the nodes that it disturbs. */
interface Cut {
  readonly nodes: ReadonlySet<string>
  readonly links: Map<string, Link>
  over: boolean
}

/** Links that one fault makes worse. */
interface Shaped {
  readonly nodes: ReadonlySet<string>
  readonly links: ReadonlyArray<Link>
}

/** Between which nodes, and whether both ways. */
export interface Between {
  readonly from: ReadonlyArray<string>
  readonly to: ReadonlyArray<string>
  readonly symmetric: boolean
}

const linksOf = ({ from, to, symmetric }: Between): ReadonlyArray<Link> =>
  from.flatMap((a) =>
    to
      .filter((b) => b !== a)
      .flatMap((b): ReadonlyArray<Link> =>
        symmetric
          ? [
              [a, b],
              [b, a],
            ]
          : [[a, b]],
      ),
  )

const key = ([from, to]: Link): string => `${from}>${to}`

/** What is wrong with the network of an installation. */
export class LinkFaults {
  readonly #installation: Installation
  readonly #cuts = new Set<Cut>()
  readonly #shaped = new Set<Shaped>()

  constructor(installation: Installation) {
    this.#installation = installation
  }

  /** Whether any fault is in force. */
  get active(): boolean {
    return this.#cuts.size > 0 || this.#shaped.size > 0
  }

  /** Whether a fault keeps the node from others. */
  disturbs(node: string): boolean {
    return [...this.#cuts, ...this.#shaped].some(({ nodes }) => nodes.has(node))
  }

  /** Replaces what was cut before. The nodes outside of the largest group are the disturbed ones. */
  partition(groups: ReadonlyArray<ReadonlyArray<string>>): () => void {
    for (const cut of this.#cuts) cut.over = true
    this.#cuts.clear()
    const largest = groups.reduce(
      (best, group) => (group.length > best.length ? group : best),
      [] as ReadonlyArray<string>,
    )
    const links = groups.flatMap((from) =>
      groups.flatMap((to) => (from === to ? [] : linksOf({ from, to, symmetric: false }))),
    )
    const cut = this.#begin(groups.filter((group) => group !== largest).flat())
    for (const link of links) cut.links.set(key(link), link)
    this.#installation.world.partition(groups)
    return () => this.#end(cut)
  }

  /** Cuts links besides what is cut already. */
  cut(between: Between): () => void {
    const { from, to, symmetric } = between
    const cut = this.#begin([...from, ...to])
    const [a, b] = [from[0], to[0]]
    if (from.length === 1 && to.length === 1 && a !== undefined && b !== undefined) {
      for (const link of linksOf(between)) cut.links.set(key(link), link)
      this.#installation.world.cut(a, b, symmetric)
    } else this.#take(cut, between)
    return () => this.#end(cut)
  }

  /** Cuts and mends the same links in turns. */
  flap(between: Between, everyMicros: number): () => void {
    const { queue } = this.#installation
    const cut = this.#begin([...between.from, ...between.to])
    const turn = (isCut: boolean): void => {
      if (cut.over) return
      if (isCut) this.#mend(cut, linksOf(between))
      else this.#take(cut, between)
      queue.after(everyMicros, () => turn(!isCut))
    }
    turn(false)
    return () => this.#end(cut)
  }

  /** Leaves each of the nodes only its neighbours. */
  ring(nodes: ReadonlyArray<string>): () => void {
    const last = nodes.length - 1
    const cut = this.#begin(nodes)
    const links = nodes.flatMap((from, index) => {
      const to = nodes.filter((_, other) => {
        const distance = Math.abs(index - other)
        return distance > 1 && distance < last
      })
      return linksOf({ from: [from], to, symmetric: false })
    })
    this.#takeLinks(cut, links)
    return () => this.#end(cut)
  }

  /** Cuts nodes off one after another; in the end they come back one after another. */
  swizzle(nodes: ReadonlyArray<string>, stepMicros: number, random: RandomStream): { readonly end: () => number } {
    const { queue, names } = this.#installation
    const cut = this.#begin(nodes)
    const off = (node: string): Between => ({ from: [node], to: names, symmetric: true })
    let ending = false
    random.shuffle(nodes).forEach((node, index) => {
      queue.after(index * stepMicros, () => {
        if (!cut.over && !ending) this.#take(cut, off(node))
      })
    })
    const back = random.shuffle(nodes)
    return {
      end: () => {
        ending = true
        back.forEach((node, index) => {
          queue.after(index * stepMicros, () => {
            if (cut.over) return
            // A link stays cut until both of its ends are back.
            const waiting = back.slice(index + 1)
            this.#mend(
              cut,
              linksOf(off(node)).filter(([from, to]) => !waiting.includes(from) && !waiting.includes(to)),
            )
            if (waiting.length === 0) this.#end(cut)
          })
        })
        return Math.max(0, back.length - 1) * stepMicros
      },
    }
  }

  /** Makes links slow or lossy. */
  shape(between: Between, quality: { readonly latencyMicros: number; readonly loss: number }): () => void {
    const { world } = this.#installation
    const shaped: Shaped = { nodes: new Set([...between.from, ...between.to]), links: linksOf(between) }
    this.#shaped.add(shaped)
    this.#installation.touched()
    for (const [from, to] of shaped.links) world.shapeLink(from, to, quality, false)
    return () => {
      if (!this.#shaped.delete(shaped)) return
      this.#installation.touched()
      for (const [from, to] of shaped.links) world.shapeLink(from, to, {}, false)
    }
  }

  /** The network is as good as new. */
  heal(): void {
    for (const cut of this.#cuts) cut.over = true
    this.#cuts.clear()
    this.#shaped.clear()
    this.#installation.touched()
    this.#installation.world.heal()
  }

  #begin(nodes: ReadonlyArray<string>): Cut {
    const cut: Cut = { nodes: new Set(nodes), links: new Map(), over: false }
    this.#cuts.add(cut)
    this.#installation.touched()
    return cut
  }

  #take(cut: Cut, between: Between): void {
    this.#takeLinks(cut, linksOf(between))
  }

  #takeLinks(cut: Cut, links: ReadonlyArray<Link>): void {
    for (const link of links) cut.links.set(key(link), link)
    this.#installation.world.cutLinks(links)
  }

  #mend(cut: Cut, links: ReadonlyArray<Link>): void {
    for (const link of links) cut.links.delete(key(link))
    const whole = links.filter((link) => ![...this.#cuts].some((other) => other.links.has(key(link))))
    if (whole.length > 0) this.#installation.world.mend(whole)
  }

  #end(cut: Cut): void {
    if (cut.over) return
    cut.over = true
    this.#cuts.delete(cut)
    this.#installation.touched()
    this.#mend(cut, [...cut.links.values()])
  }
}
