/** Statements of agents with their answers, each text kept once. */
import { answerText } from "../run/Trace.ts"
import type { WorldEvent } from "../world/SimulatedCluster.ts"
import type { Call } from "./Recording.ts"

/** More than anybody looks through; a page with so many is still fast. */
const callsMax = 120_000
const textLengthMax = 300

type StatementEvent = Extract<WorldEvent, { readonly kind: "statement" | "answer" }>

export class Calls {
  readonly calls: Array<Call> = []
  leftOut = 0
  readonly #texts = new Map<string, number>()
  readonly #open = new Map<string, Array<number>>()

  get texts(): ReadonlyArray<string> {
    return [...this.#texts.keys()]
  }

  /** Notes a statement, or its answer. Clients' statements are counted elsewhere. */
  see(event: StatementEvent, atMs: number): void {
    if (event.from === null) return
    const key = `${event.from} ${event.node} ${event.sql}`
    const open = this.#open.get(key)
    if (event.kind === "statement") {
      if (open === undefined) this.#open.set(key, [atMs])
      else open.push(atMs)
      return
    }
    const sentMs = open?.shift()
    if (open?.length === 0) this.#open.delete(key)
    this.#add(event.from, event.node, event.sql, sentMs ?? atMs, atMs, answerText(event.answer))
  }

  /** Statements that nobody answered end now. */
  end(atMs: number): void {
    for (const [key, sent] of this.#open) {
      const [from = "", to = ""] = key.split(" ", 2)
      for (const sentMs of sent)
        this.#add(from, to, key.slice(from.length + to.length + 2), sentMs, atMs, "not answered")
    }
    this.#open.clear()
    this.calls.sort((a, b) => a[0] - b[0])
  }

  #add(from: string, to: string, sql: string, sentMs: number, atMs: number, answer: string): void {
    if (this.calls.length >= callsMax) this.leftOut++
    else this.calls.push([sentMs, atMs - sentMs, from, to, this.#text(sql), this.#text(answer)])
  }

  #text(whole: string): number {
    const text = whole.length > textLengthMax ? `${whole.slice(0, textLengthMax)}…` : whole
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    this.#texts.set(text, this.#texts.size)
    return this.#texts.size - 1
  }
}
