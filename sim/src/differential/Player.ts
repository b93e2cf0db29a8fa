/**
 * Plays a sequence and notes what was answered as the lines of a transcript. It knows neither the world nor real
 * daemons: it asks for one act after another, and whoever drives it says what came of it and when.
 */
import type { RecordedAnswer } from "../conformance/Transcript.ts"
import type { Expected, Sequence, Step } from "./Sequence.ts"

/** What the player wants done. */
export type Act =
  | { readonly kind: "query"; readonly node: number; readonly sql: string; readonly timeoutMs: number }
  | Exclude<Step, { readonly kind: "statement" | "settle" }>

/** What came of it. Times are ms since the start of the run. */
export interface Outcome {
  readonly beganMs: number
  readonly endedMs: number
  /** Of a query: with the names of transcripts (`{n1}`) in the place of this run's. */
  readonly answer?: RecordedAnswer
  /** Of a start: the node accepts clients. Of a stop: the process has ended. */
  readonly done?: boolean
}

/** A line of a transcript. */
export type NotedLine = Readonly<Record<string, unknown>>

/** The client gives up after this time: more than anything takes that comes to an end, but for a DELETE CLUSTER in bad luck. */
const answerTimeoutMs = 15_000
/** Between two statements, so that what was acknowledged on one node has reached the others. */
const pauseMs = 25
const pollMs = 120
const stableMs = 900
const expectedStableMs = 350
const settleMaxMs = 25_000
/** What changes by itself, and how long that is waited for. */
const transient = new Set(["joining", "donor", "disconnected"])
const underWayMaxMs = 14_000

/** One run of a sequence: yields acts, takes outcomes, returns the lines after the header. `config` is noted at each start. */
export function* play(sequence: Sequence, config: string): Generator<Act, ReadonlyArray<NotedLine>, Outcome> {
  const lines: Array<NotedLine> = []
  for (const step of sequence.steps) {
    if (step.kind === "settle") {
      lines.push(...(yield* settle(step)))
      continue
    }
    if (step.kind === "statement") {
      yield* query(step.node, step.sql, lines)
      yield { kind: "sleep", ms: pauseMs }
      continue
    }
    const { beganMs, endedMs, done } = yield step
    lines.push({ at: beganMs, ...eventOf(step, config, done ?? true), ms: endedMs - beganMs })
  }
  return lines
}

/** Of each cluster, the rows that transcripts keep. The server tells some sixty. */
const keptCounters = new Set(
  "state_seqno conf_id status size local_index node_state nodes_set nodes_view indexes_count indexes last_committed"
    .split(" ")
    .concat(["sst_total", "sst_stage", "sst_stage_total", "sst_table", "sst_tables"]),
)

const statusOfClusters = "SHOW STATUS LIKE 'cluster_%'"

/** An answer to SHOW STATUS of clusters without the rows that transcripts leave out. */
const keptRows = (answer: RecordedAnswer): RecordedAnswer => {
  if (answer.kind !== "rows") return answer
  let prefix = ""
  const rows = answer.rows.filter(([name, value]) => {
    if (name === "cluster_name") prefix = `cluster_${String(value)}_`
    return name === "cluster_name" || keptCounters.has(String(name).slice(prefix.length))
  })
  return { ...answer, rows }
}

function* query(node: number, sql: string, lines: Array<NotedLine>): Generator<Act, void, Outcome> {
  const outcome = yield { kind: "query", node, sql, timeoutMs: answerTimeoutMs }
  const { answer, beganMs, endedMs } = outcome
  if (answer === undefined) return
  const kept = sql === statusOfClusters ? keptRows(answer) : answer
  lines.push({ at: beganMs, node, sql, ms: endedMs - beganMs, ...noted(kept) })
  if (answer.kind === "ok" && answer.warnings > 0 && sql !== "SHOW WARNINGS") yield* query(node, "SHOW WARNINGS", lines)
}

const noted = (answer: RecordedAnswer): NotedLine => {
  const { kind, ...rest } = answer
  return kind === "rows" ? rest : { [kind]: rest }
}

const eventOf = (
  step: Exclude<Step, { readonly kind: "statement" | "settle" }>,
  config: string,
  done: boolean,
): NotedLine => {
  switch (step.kind) {
    case "start":
      return {
        event: "start",
        node: step.node,
        ...(step.args.length > 0 ? { args: step.args } : {}),
        ...(config === "" ? {} : { config }),
        up: done,
      }
    case "stop":
      return { event: "stop", node: step.node, ended: done }
    case "kill":
    case "pause":
    case "resume":
      return { event: step.kind, node: step.node }
    case "partition":
      return { event: "partition", groups: step.groups, mode: "drop", symmetric: true }
    case "heal":
      return { event: "heal" }
    case "mkdir":
      return { event: "mkdir", node: step.node, dir: step.directory }
    case "sleep":
      return { event: "wait", held: true, sleep: step.ms }
  }
}

/** Counters that a settled cluster is known by. */
const settledBy = ["status", "size", "node_state"]

function* settle(step: Extract<Step, { readonly kind: "settle" }>): Generator<Act, ReadonlyArray<NotedLine>, Outcome> {
  let startMs: number | undefined
  let changedMs = 0
  let seen = ""
  for (;;) {
    const counters: Array<readonly [node: number, counter: string, value: string]> = []
    let nowMs = 0
    for (const node of step.nodes) {
      const outcome = yield { kind: "query", node, sql: statusOfClusters, timeoutMs: 2000 }
      startMs ??= outcome.beganMs
      nowMs = outcome.endedMs
      const answer = outcome.answer && keptRows(outcome.answer)
      if (answer?.kind !== "rows") continue
      for (const [name, value] of answer.rows) {
        if (settledBy.some((end) => String(name).endsWith(`_${end}`)))
          counters.push([node, String(name), String(value)])
      }
    }
    const now = JSON.stringify(counters)
    if (now !== seen) changedMs = nowMs
    seen = now
    const elapsedMs = nowMs - (startMs ?? nowMs)
    const quietMs = nowMs - changedMs
    const holds = step.expected.length > 0 && step.expected.every((expected) => isSeen(expected, counters))
    const isUnderWay = elapsedMs < underWayMaxMs && counters.some(([, , value]) => transient.has(value))
    const isOver =
      elapsedMs >= settleMaxMs ||
      (elapsedMs >= step.minMs && quietMs >= stableMs && !isUnderWay) ||
      (holds && quietMs >= expectedStableMs)
    if (isOver) return settledLines(startMs ?? nowMs, nowMs, counters)
    yield { kind: "sleep", ms: pollMs }
  }
}

const isSeen = (
  { node, cluster, status, size }: Expected,
  counters: ReadonlyArray<readonly [number, string, string]>,
): boolean => {
  const value = (end: string): string | undefined =>
    counters.find(([where, name]) => where === node && name === `cluster_${cluster}_${end}`)?.[2]
  return value("status") === status && value("size") === String(size) && value("node_state") === "synced"
}

const settledLines = (
  beganMs: number,
  endedMs: number,
  counters: ReadonlyArray<readonly [number, string, string]>,
): ReadonlyArray<NotedLine> => [
  { at: beganMs, event: "wait", ms: endedMs - beganMs, held: true, sleep: endedMs - beganMs },
  ...counters.map(([node, counter, value]) => ({
    at: endedMs,
    event: "wait",
    node,
    counter,
    value,
    ms: 1,
    held: true,
  })),
]

/** The file of a transcript. */
export const transcriptOf = (sequence: Sequence, lines: ReadonlyArray<NotedLine>): string => {
  const header = {
    transcript: `seed-${sequence.seed}`,
    family: "differential",
    purpose: `statements and faults drawn from seed ${sequence.seed}`,
    server: "29.2.2",
    nodes: sequence.nodes,
  }
  return [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("")
}
