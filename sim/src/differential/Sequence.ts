/** What a differential run does: statements and faults on a few fresh nodes, in order. Nodes are numbers from 1. */

/** A condition under which the cluster need not be watched any longer. */
export interface Expected {
  readonly node: number
  readonly cluster: string
  readonly status: string
  readonly size: number
}

/** One step. SQL holds the names of transcripts: `{n1}` is the address of node 1. */
export type Step =
  | { readonly kind: "statement"; readonly node: number; readonly sql: string }
  | { readonly kind: "start"; readonly node: number; readonly args: ReadonlyArray<string> }
  | { readonly kind: "kill" | "stop" | "pause" | "resume"; readonly node: number }
  | { readonly kind: "partition"; readonly groups: ReadonlyArray<ReadonlyArray<number>> }
  | { readonly kind: "heal" }
  | { readonly kind: "mkdir"; readonly node: number; readonly directory: string }
  | { readonly kind: "sleep"; readonly ms: number }
  /**
   * Watches SHOW STATUS of `nodes` until nothing changes: at once when all of `expected` holds, otherwise not before
   * `minMs`. What is seen then is what the replay waits for.
   */
  | {
      readonly kind: "settle"
      readonly nodes: ReadonlyArray<number>
      readonly minMs: number
      readonly expected: ReadonlyArray<Expected>
    }

/** A whole sequence. */
export interface Sequence {
  readonly seed: number
  readonly nodes: number
  readonly steps: ReadonlyArray<Step>
}

const faults: ReadonlySet<Step["kind"]> = new Set(["kill", "stop", "pause", "partition"])

/** Number of statements, and of faults (what ends one is not counted). */
export const sizeOf = (steps: ReadonlyArray<Step>): { readonly statements: number; readonly faults: number } => ({
  statements: steps.filter(({ kind }) => kind === "statement").length,
  faults: steps.filter(({ kind }) => faults.has(kind)).length,
})
