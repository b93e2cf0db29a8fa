/** What the world says otherwise than a transcript of a sequence. */
import { type Difference, replayAll } from "../conformance/Conformance.ts"
import { parseTranscript } from "../conformance/Transcript.ts"

/** A difference, with a text that is the same for differences of the same kind. */
export interface FoundDifference extends Difference {
  readonly signature: string
}

/** How a run compares. */
export interface RunComparison {
  readonly statements: number
  readonly agree: number
  readonly differences: ReadonlyArray<FoundDifference>
  /** Lines of waits that did not come true in the world. */
  readonly waits: ReadonlyArray<number>
}

/** Plays the transcript on the world. */
export const compareRun = (transcript: string, name: string): RunComparison => {
  const report = replayAll([parseTranscript(transcript, name)])
  return {
    statements: report.statements,
    agree: report.agree,
    differences: report.differences.map((difference) => ({ ...difference, signature: signatureOf(difference) })),
    waits: report.waitDifferences.map(({ line }) => line),
  }
}

/** The statement without its numbers, names of nodes and rows, and in what way both sides answered. */
const signatureOf = ({ sql, expected, actual }: Difference): string =>
  [plain(sql), sketch(expected), sketch(actual)].join(" | ")

const plain = (text: string): string =>
  text
    .replace(/'[^']*'/g, "'…'")
    .replace(/\{\w+\}/g, "{…}")
    .replace(/-?\d+/g, "0")
    .replace(/(\([^()]*\),?)+/g, "(…)")

const sketch = (answer: unknown): string => {
  if (typeof answer !== "object" || answer === null) return String(answer)
  if ("message" in answer) return `error ${plain(String(answer.message))}`
  if ("rows" in answer) return "rows"
  if ("reason" in answer) return String(answer.reason)
  return "ok"
}
