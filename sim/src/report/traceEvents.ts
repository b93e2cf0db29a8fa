/**
 * A recording in the trace event format, which Perfetto and chrome://tracing show: a process for each node with its
 * daemon, agent, steps and statements, and one each for operations, faults and writes.
 */
import type { Change, Recording } from "./Recording.ts"

/** `X`: something that lasts, `i`: a moment, `C`: a count, `M`: a name. Times are in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly ph: "X" | "i" | "C" | "M"
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly cat?: string
  readonly s?: "g" | "p"
  readonly args?: Readonly<Record<string, unknown>>
}

const threads = { daemon: 1, agent: 2, network: 3, steps: 10, calls: 100 } as const
const clusterPid = 1
const micros = (ms: number): number => Math.round(ms * 1000)

/** Puts what overlaps on lanes of its own, as the viewers show no overlap on one thread. */
class Lanes {
  readonly #endsMs: Array<number> = []

  place(fromMs: number, toMs: number): number {
    const free = this.#endsMs.findIndex((endMs) => endMs <= fromMs)
    const lane = free === -1 ? this.#endsMs.length : free
    this.#endsMs[lane] = toMs
    return lane
  }
}

/** The document, as an object that `JSON.stringify` writes. */
export const traceEvents = (recording: Recording): { readonly traceEvents: ReadonlyArray<TraceEvent> } => {
  const endMs = recording.result.virtualMs
  const events: Array<TraceEvent> = []
  const pids = new Map(recording.nodes.map(({ name }, index) => [name, index + clusterPid + 1]))
  const pidOf = (node: string | null): number => (node === null ? clusterPid : (pids.get(node) ?? clusterPid))
  const lasting = (pid: number, tid: number, cat: string, name: string, fromMs: number, toMs: number, args = {}) =>
    events.push({ name, cat, ph: "X", pid, tid, ts: micros(fromMs), dur: micros(toMs - fromMs), args })
  const stretches = <State>(
    changes: ReadonlyArray<Change<State>>,
    show: (state: State, fromMs: number, toMs: number) => void,
  ) => changes.forEach(({ atMs, state }, index) => show(state, atMs, changes[index + 1]?.atMs ?? endMs))
  const named = new Set<string>()
  const thread = (pid: number, tid: number, name: string): number => {
    if (!named.has(`${pid} ${tid}`)) events.push({ name: "thread_name", ph: "M", pid, tid, ts: 0, args: { name } })
    named.add(`${pid} ${tid}`)
    return tid
  }

  events.push({ name: "process_name", ph: "M", pid: clusterPid, tid: 0, ts: 0, args: { name: recording.result.name } })
  for (const { name, daemon, agent, cut } of recording.nodes) {
    const pid = pidOf(name)
    events.push({ name: "process_name", ph: "M", pid, tid: 0, ts: 0, args: { name } })
    stretches(daemon, (state, from, to) =>
      lasting(pid, thread(pid, threads.daemon, "daemon"), "daemon", state, from, to),
    )
    stretches(agent, (runs, from, to) => {
      if (runs) lasting(pid, thread(pid, threads.agent, "agent"), "agent", "runs", from, to)
    })
    stretches(cut, (isCut, from, to) => {
      if (isCut) lasting(pid, thread(pid, threads.network, "network"), "network", "disturbed", from, to)
    })
  }
  stretches(recording.leaders, ({ node, term }, from, to) => {
    if (node !== "") lasting(clusterPid, thread(clusterPid, 1, "leader"), "leader", `${node}, term ${term}`, from, to)
  })
  const faultLanes = new Lanes()
  for (const { atMs, toMs, nodes, text } of recording.faults) {
    const lane = faultLanes.place(atMs, toMs ?? atMs)
    const tid = thread(clusterPid, 100 + lane, "faults")
    lasting(clusterPid, tid, "fault", text, atMs, toMs ?? atMs, { nodes })
  }
  const operationLanes = new Lanes()
  const stepLanes = new Map<string, Lanes>()
  for (const { id, kind, table, reason, status, steps } of recording.operations) {
    const fromMs = status[0]?.atMs ?? 0
    const lane = operationLanes.place(fromMs, status.at(-1)?.atMs ?? endMs)
    const tid = thread(clusterPid, 200 + lane, "operations")
    stretches(status.slice(0, -1), (state, from) => {
      const next = status.find(({ atMs }) => atMs > from)?.atMs ?? endMs
      lasting(clusterPid, tid, "operation", `${kind} ${id} ${state}`, from, next, { table, reason })
    })
    for (const step of steps) {
      const from = step.status.find(({ state }) => state === "processing")?.atMs
      const last = step.status.at(-1)
      if (from === undefined || last === undefined) continue
      const to = last.state === "processing" ? endMs : last.atMs
      const lanes = stepLanes.get(step.node ?? "") ?? new Lanes()
      stepLanes.set(step.node ?? "", lanes)
      const pid = pidOf(step.node)
      const { index, about, dependsOn, error } = step
      lasting(
        pid,
        thread(pid, (pid === clusterPid ? 300 : threads.steps) + lanes.place(from, to), "steps"),
        "step",
        step.kind,
        from,
        to,
        {
          operation: id,
          index,
          about,
          dependsOn,
          status: last.state,
          error,
        },
      )
    }
  }
  const callLanes = new Map<string, Lanes>()
  for (const [atMs, tookMs, from, to, sql, answer] of recording.calls) {
    const lanes = callLanes.get(to) ?? new Lanes()
    callLanes.set(to, lanes)
    const pid = pidOf(to)
    const tid = thread(pid, threads.calls + lanes.place(atMs, atMs + tookMs), "statements")
    const text = recording.texts[sql] ?? ""
    lasting(pid, tid, "statement", text.slice(0, 60), atMs, atMs + tookMs, {
      from,
      sql: text,
      answer: recording.texts[answer],
    })
  }
  for (const { atMs, acknowledged, refused, unknown } of recording.writes)
    events.push({
      name: "writes",
      ph: "C",
      pid: clusterPid,
      tid: 0,
      ts: micros(atMs),
      args: { acknowledged, refused, unknown },
    })
  for (const { atMs, kind, node, text } of recording.happenings)
    events.push({
      name: text,
      cat: kind,
      ph: "i",
      s: node === null ? "g" : "p",
      pid: pidOf(node),
      tid: 0,
      ts: micros(atMs),
    })
  for (const { atMs, checker, message } of recording.violations)
    events.push({
      name: `violation: ${checker}`,
      cat: "violation",
      ph: "i",
      s: "g",
      pid: clusterPid,
      tid: 0,
      ts: micros(atMs),
      args: { message },
    })
  return { traceEvents: events }
}
