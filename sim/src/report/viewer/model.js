// What a recording says about one moment, and which marks it has over time. Pure: no page here.
/** @import { Change, Recording, OperationRecording, StepRecording } from "../Recording.ts" */

/** Index of the last item that is not later than the time; -1 if all are. @param {ReadonlyArray<number>} times @param {number} atMs */
export const lastIndexAt = (times, atMs) => {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) <= atMs) low = middle + 1
    else high = middle
  }
  return low - 1
}

/**
 * The state at a time; undefined before the first one.
 *
 * @template State
 * @param {ReadonlyArray<Change<State>>} changes
 * @param {number} atMs
 * @returns {State | undefined}
 */
export const stateAt = (changes, atMs) => changes.findLast((change) => change.atMs <= atMs)?.state

/**
 * States with their beginnings and ends.
 *
 * @template State
 * @param {ReadonlyArray<Change<State>>} changes
 * @param {number} endMs
 */
export const stretchesOf = (changes, endMs) =>
  changes.map(({ atMs, state }, index) => ({ fromMs: atMs, toMs: changes[index + 1]?.atMs ?? endMs, state }))

/** Milliseconds as people read them. @param {number} ms */
export const showTime = (ms) => {
  const sign = ms < 0 ? "-" : ""
  const whole = Math.abs(ms)
  if (whole < 60_000) return `${sign}${(whole / 1000).toFixed(3)} s`
  return `${sign}${Math.floor(whole / 60_000)}m ${((whole % 60_000) / 1000).toFixed(3).padStart(6, "0")}s`
}

/** When a step was worked on; undefined if it never was. @param {StepRecording} step @param {number} endMs */
export const stepStretch = (step, endMs) => {
  const from = step.status.find(({ state }) => state === "processing")?.atMs
  const last = step.status.at(-1)
  if (from === undefined || last === undefined) return undefined
  const isOpen = last.state === "processing" || last.state === "pending"
  return { fromMs: from, toMs: isOpen ? endMs : last.atMs, state: last.state }
}

/** From its first status to its last. @param {OperationRecording} operation @param {number} endMs */
export const operationStretch = (operation, endMs) => {
  const last = operation.status.at(-1)
  const isOver = ["completed", "stopped", "failed", "critical_failure", "idle"].includes(last?.state ?? "")
  return { fromMs: operation.status[0]?.atMs ?? 0, toMs: isOver ? (last?.atMs ?? endMs) : endMs }
}

/**
 * Puts what overlaps on lanes of its own.
 *
 * @template {{ readonly fromMs: number, readonly toMs: number }} Stretch
 * @param {ReadonlyArray<Stretch>} stretches
 * @returns {ReadonlyArray<Stretch & { readonly lane: number }>}
 */
export const onLanes = (stretches) => {
  /** @type {Array<number>} */
  const ends = []
  return stretches
    .toSorted((a, b) => a.fromMs - b.fromMs)
    .map((stretch) => {
      const free = ends.findIndex((end) => end <= stretch.fromMs)
      const lane = free === -1 ? ends.length : free
      ends[lane] = stretch.toMs
      return { ...stretch, lane }
    })
}

/** The replication clusters that a daemon shows. @param {Recording} recording @param {string} node @param {number} atMs */
const clustersAt = (recording, node, atMs) =>
  recording.memberships
    .filter((membership) => membership.node === node)
    .flatMap(({ cluster, changes }) => {
      const state = stateAt(changes, atMs)
      return state === undefined || state === "" ? [] : [{ cluster, state }]
    })

/** The whole cluster at one moment. @param {Recording} recording @param {number} atMs */
export const clusterAt = (recording, atMs) => {
  const leader = stateAt(recording.leaders, atMs)
  return {
    leader,
    nodes: recording.nodes.map(({ name, daemon, agent, cut }) => {
      const state = stateAt(daemon, atMs) ?? "not there"
      return {
        name,
        daemon: state,
        agent: stateAt(agent, atMs) === true,
        cut: stateAt(cut, atMs) === true,
        leads: leader?.node === name ? leader.term : undefined,
        clusters: state === "up" || state === "paused" ? clustersAt(recording, name, atMs) : [],
      }
    }),
    shards: recording.shards.flatMap(({ table, shard, changes }) => {
      const state = stateAt(changes, atMs)
      return state === undefined || state.rf === 0 ? [] : [{ table, shard, ...state }]
    }),
    operations: recording.operations.flatMap((operation) => {
      const { fromMs, toMs } = operationStretch(operation, recording.result.virtualMs)
      if (atMs < fromMs || atMs > toMs) return []
      const now = operation.steps.map((step) => ({ step, state: stateAt(step.status, atMs) ?? "pending" }))
      return [
        {
          id: operation.id,
          kind: operation.kind,
          table: operation.table,
          status: stateAt(operation.status, atMs) ?? "",
          done: now.filter(({ state }) => state === "done").length,
          steps: now.length,
          underWay: now.filter(({ state }) => state === "processing").map(({ step }) => step),
        },
      ]
    }),
    faults: recording.faults.filter((fault) => fault.atMs <= atMs && fault.toMs !== null && atMs < fault.toMs),
    writes: recording.writes.findLast((sample) => sample.atMs <= atMs),
  }
}

/**
 * Everything that has a moment, in order: what is told to people, steps, and statements.
 *
 * @param {Recording} recording
 * @returns {ReadonlyArray<{ readonly atMs: number, readonly kind: string, readonly node: string, readonly text: string }>}
 */
export const eventsOf = (recording) => {
  const told = recording.happenings.map(({ atMs, kind, node, text }) => ({ atMs, kind, node: node ?? "", text }))
  const steps = recording.operations.flatMap(({ id, steps: all }) =>
    all.flatMap((step) =>
      step.status.slice(1).map(({ atMs, state }) => ({
        atMs,
        kind: "step",
        node: step.node ?? "",
        text: `${step.kind} ${step.about} (${id}/${step.index}) ${state}`,
      })),
    ),
  )
  const calls = recording.calls.map(([atMs, tookMs, from, to, sql, answer]) => ({
    atMs,
    kind: "statement",
    node: to,
    text: `${from} → ${to}, ${tookMs.toFixed(1)} ms: ${recording.texts[sql] ?? ""}  ⇒ ${recording.texts[answer] ?? ""}`,
  }))
  return [...told, ...steps, ...calls].sort((a, b) => a.atMs - b.atMs)
}

/**
 * Steps of a plan in columns: each one right of everything that it depends on.
 *
 * @param {ReadonlyArray<StepRecording>} steps
 */
export const planColumns = (steps) => {
  const byIndex = new Map(steps.map((step) => [step.index, step]))
  /** @type {Map<number, number>} */
  const columns = new Map()
  /** Plans have no cycles; a broken one would be cut here. @param {StepRecording} step @param {number} depth @returns {number} */
  const columnOf = (step, depth) => {
    const known = columns.get(step.index)
    if (known !== undefined) return known
    const before = depth > steps.length ? [] : step.dependsOn.flatMap((index) => byIndex.get(index) ?? [])
    const column = Math.max(-1, ...before.map((it) => columnOf(it, depth + 1))) + 1
    columns.set(step.index, column)
    return column
  }
  /** @type {Array<number>} */
  const heights = []
  return steps.map((step) => {
    const column = columnOf(step, 0)
    const row = heights[column] ?? 0
    heights[column] = row + 1
    return { step, column, row }
  })
}
