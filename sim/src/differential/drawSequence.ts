/** Draws sequences: a start, then statements of all kinds with faults between them, then a look at everything. */
import { RandomStream } from "../runtime/RandomStream.ts"
import { drawFault } from "./drawFault.ts"
import { drawStatement } from "./drawStatement.ts"
import { Model } from "./Model.ts"
import type { Sequence, Step } from "./Sequence.ts"

/** How long sequences are. */
export interface SequenceLimits {
  /** Statements before the final look. */
  readonly statements: number
  /** Kills, stops, pauses and partitions, at least. */
  readonly faults: number
}

const usualLimits: SequenceLimits = { statements: 32, faults: 2 }
/** Statements that set something up before the first fault. */
const opening = 9

/** What the drawing parts share. */
export interface Drawing {
  readonly random: RandomStream
  readonly model: Model
  readonly steps: Array<Step>
}

/** The sequence of a seed. */
export const drawSequence = (seed: number, limits: SequenceLimits = usualLimits): Sequence => {
  const random = new RandomStream(seed).stream("differential")
  const nodes = random.chance(0.7) ? 3 : 2
  const model = new Model(nodes)
  const steps: Array<Step> = model.nodes.map((node) => ({ kind: "start", node, args: [] }))
  const drawing: Drawing = { random, model, steps }
  for (const node of model.nodes) steps.push({ kind: "mkdir", node, directory: "g" })
  const statements = (count: number): void => {
    for (let index = 0; index < count; index++) drawStatement(drawing)
  }
  statements(opening)
  const between = Math.ceil((limits.statements - opening) / (limits.faults + 1))
  statements(random.int(1, between))
  for (let fault = 0; fault < limits.faults; fault++) {
    drawFault(drawing, statements)
    statements(random.int(2, between))
  }
  while (steps.filter(({ kind }) => kind === "statement").length < limits.statements) statements(1)
  look(drawing)
  return { seed, nodes, steps }
}

/** What every node that is up holds at the end. */
const look = ({ model, steps }: Drawing): void => {
  steps.push({ kind: "settle", nodes: model.up(), minMs: 1000, expected: [] })
  for (const node of model.up()) {
    const statements = ["SHOW STATUS LIKE 'cluster_%'", "SHOW TABLES", "SHOW TABLES FROM system"]
    for (const sql of statements) steps.push({ kind: "statement", node, sql })
    for (const { name } of model.on(node))
      steps.push({ kind: "statement", node, sql: `SELECT * FROM ${name} ORDER BY id ASC LIMIT 100` })
  }
}
