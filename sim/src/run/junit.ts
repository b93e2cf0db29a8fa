/** Results as JUnit XML, which CI systems show as tests. Pure: text out. */
import type { Failure } from "./ScenarioResult.ts"

/** One run as a test. */
export interface JunitCase {
  readonly name: string
  /** File of the scenario, or the profile of chaos. */
  readonly group: string
  readonly wallMs: number
  /** Null: it passed. */
  readonly failure: (Failure & { readonly repro: string }) | null
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

/** Text that XML 1.0 can hold: signs that it has no way to write become spaces. */
const xml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, " ")
    .replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign)

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

const caseXml = ({ name, group, wallMs, failure }: JunitCase): string => {
  const head = `    <testcase name="${xml(name)}" classname="${xml(group)}" time="${seconds(wallMs)}"`
  if (failure === null) return `${head}/>`
  const { class: kind, checker, message, repro } = failure
  return `${head}>
      <failure type="${xml(`${kind}: ${checker}`)}" message="${xml(message)}">${xml(`${message}\nagain: ${repro}`)}</failure>
    </testcase>`
}

/** A document with all runs in one suite. */
export const junitXml = (suite: string, cases: ReadonlyArray<JunitCase>): string => {
  const counts = `tests="${cases.length}" failures="${cases.filter(({ failure }) => failure !== null).length}" errors="0"`
  const time = `time="${seconds(cases.reduce((sum, { wallMs }) => sum + wallMs, 0))}"`
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts} ${time}>
  <testsuite name="${xml(suite)}" ${counts} ${time}>
${cases.map((it) => `${caseXml(it)}\n`).join("")}  </testsuite>
</testsuites>
`
}
