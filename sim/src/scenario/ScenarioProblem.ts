/**
 * What is wrong with a scenario file, told so that a person can put it right: where, what was found, what was expected
 * and what to do.
 */

/** One mistake in one file. */
export interface ScenarioProblem {
  readonly file: string
  /** Counted from 1; 1 where the problem is with the file as a whole. */
  readonly line: number
  /** Counted from 1, in UTF-16 units. */
  readonly column: number
  /** Length of the marked text on that line; at least 1. */
  readonly length: number
  /** The line as it stands in the file; empty where there is none. */
  readonly source: string
  /** What was found. */
  readonly message: string
  readonly expected: string
  /** What to do; empty where `expected` says it all. */
  readonly cure: string
}

const widthMax = 120

/** The part of the line around the marked text, with every sign one column wide. */
const excerpt = (problem: ScenarioProblem): { readonly text: string; readonly caret: number } => {
  const plain = problem.source.replaceAll(/[\p{Cc}\p{Cf}]/gu, (sign) => (sign === "\t" ? " " : "·".repeat(sign.length)))
  const start = Math.max(0, Math.min(problem.column - 1 - widthMax / 2, plain.length - widthMax))
  return { text: plain.slice(start, start + widthMax), caret: problem.column - 1 - start }
}

/** The problem as text of several lines: the message, the line with a caret under the mistake, and the cure. */
export const printProblem = (problem: ScenarioProblem): string => {
  const lines = [`${problem.file}:${problem.line}:${problem.column}: ${problem.message}`]
  if (problem.source.trim() !== "") {
    const number = String(problem.line)
    const { text, caret } = excerpt(problem)
    const marks = Math.max(1, Math.min(problem.length, text.length - caret))
    lines.push(
      `  ${number} | ${text.trimEnd()}`,
      `  ${" ".repeat(number.length)} | ${" ".repeat(Math.max(0, caret))}${"^".repeat(marks)}`,
    )
  }
  lines.push(`  expected: ${problem.expected}`)
  if (problem.cure !== "") lines.push(`  cure: ${problem.cure}`)
  return lines.join("\n")
}

/** All problems, each followed by an empty line, and how many there are. */
export const printProblems = (problems: ReadonlyArray<ScenarioProblem>): string =>
  [
    ...problems.map(printProblem),
    `${problems.length} ${problems.length === 1 ? "problem" : "problems"}; nothing was run.`,
  ].join("\n\n")
