/**
 * Faults that a scenario switches on by rule: what is done to statements, disks and state transfers. Without rules every
 * question here is answered by one look at `active`.
 */
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { FaultRule, Rule } from "./SimulatedCluster.ts"

type Kind = FaultRule["kind"]
type OfKind<K extends Kind> = Extract<FaultRule, { readonly kind: K }>

interface Active {
  readonly rule: FaultRule
  left: number
}

/** What the server says when it cannot write. Not recorded: full disks were not tried on a real cluster. */
export const diskFullText = "write error: No space left on device"

/** The rules that are in force. */
export class Faults {
  readonly #random: RandomStream
  #rules: Array<Active> = []

  constructor(random: RandomStream) {
    this.#random = random
  }

  /** False while there are no rules at all. */
  get active(): boolean {
    return this.#rules.length > 0
  }

  add(rule: FaultRule): { readonly cancel: () => void } {
    const active: Active = { rule, left: rule.times ?? Number.POSITIVE_INFINITY }
    this.#rules = [...this.#rules, active]
    return {
      cancel: () => {
        this.#rules = this.#rules.filter((other) => other !== active)
      },
    }
  }

  /** What happens to this statement instead of its usual course, if anything does. The first rule that hits counts. */
  onStatement(node: string, sql: string): OfKind<"error" | "drop" | "lost reply"> | undefined {
    for (const active of this.#rules) {
      const { rule } = active
      const takesOver = rule.kind === "error" || rule.kind === "drop" || rule.kind === "lost reply"
      if (takesOver && this.#hits(active, [node], sql)) return rule
    }
    return undefined
  }

  /** How much longer a statement takes. */
  slowMicros(node: string, sql: string): number {
    return this.#sum("slow", [node], sql, (rule) => rule.byMicros)
  }

  /** True if this write finds no room. */
  isDiskFull(node: string): boolean {
    return this.active && this.#any("disk full", [node])
  }

  /** How much longer a write takes because of the disk. */
  diskMicros(node: string): number {
    return this.active ? this.#sum("slow disk", [node], "", (rule) => rule.byMicros) : 0
  }

  /** How many times longer a copy of tables between two nodes takes. */
  transferFactor(donor: string, receiver: string): number {
    let factor = 1
    for (const active of this.#rules) {
      const { rule } = active
      if (rule.kind === "slow transfer" && this.#hits(active, [donor, receiver], "")) factor *= rule.factor
    }
    return factor
  }

  /** True if this copy of tables ends with an error. */
  failsTransfer(donor: string, receiver: string): boolean {
    return this.active && (this.#any("failing transfer", [donor, receiver]) || this.isDiskFull(receiver))
  }

  /** True if a write on its way stays with this node, which is being stopped. */
  keepsWrite(node: string): boolean {
    return this.active && this.#any("kept write", [node])
  }

  #any(kind: Kind, nodes: ReadonlyArray<string>): boolean {
    return this.#rules.some((active) => active.rule.kind === kind && this.#hits(active, nodes, ""))
  }

  #sum<K extends Kind>(
    kind: K,
    nodes: ReadonlyArray<string>,
    sql: string,
    micros: (rule: OfKind<K>) => number,
  ): number {
    let total = 0
    for (const active of this.#rules) {
      if (isOfKind(active.rule, kind) && this.#hits(active, nodes, sql)) total += micros(active.rule)
    }
    return total
  }

  // Chance is asked last, so that rules that do not match draw nothing.
  #hits(active: Active, nodes: ReadonlyArray<string>, sql: string): boolean {
    const rule: Rule = active.rule
    if (active.left <= 0 || (rule.node !== undefined && !nodes.includes(rule.node))) return false
    if (rule.pattern !== undefined && sql.search(rule.pattern) < 0) return false
    if (rule.probability !== undefined && !this.#random.chance(rule.probability)) return false
    active.left--
    return true
  }
}

const isOfKind = <K extends Kind>(rule: FaultRule, kind: K): rule is OfKind<K> => rule.kind === kind
