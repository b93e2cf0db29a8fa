// What the timeline has in which row: bars with their places, colours and texts, as data.
/** @import { Recording, OperationRecording } from "../Recording.ts" */
import { onLanes, operationStretch, stepStretch, stretchesOf } from "./model.js"

/** `y` counts from the top of the row. @typedef {{ readonly fromMs: number, readonly toMs: number, readonly y: number, readonly height: number, readonly colour: string, readonly text: string, readonly operation?: string }} Bar */
/** @typedef {{ readonly label: string, readonly height: number, readonly bars: ReadonlyArray<Bar>, readonly node?: string }} Row */

/** @param {ReadonlyArray<{ readonly lane: number }>} placed */
const lanesOf = (placed) => Math.max(1, ...placed.map(({ lane }) => lane + 1))

/** What has no end of its own is drawn as a moment. @param {Recording} recording */
export const faultStretches = (recording) =>
  recording.faults.map((fault) => ({
    fault,
    fromMs: fault.atMs,
    toMs: Math.max(fault.atMs + recording.result.virtualMs / 400, fault.toMs ?? 0),
  }))

/** @param {Recording} recording @returns {Row} */
const faultRow = (recording) => {
  const placed = onLanes(faultStretches(recording))
  return {
    label: "faults",
    height: lanesOf(placed) * 16 + 6,
    bars: placed.map(({ fault, fromMs, toMs, lane }) => ({
      fromMs,
      toMs,
      y: 2 + lane * 16,
      height: 14,
      colour: "fault",
      text: fault.text,
    })),
  }
}

/** @param {Recording} recording @returns {Row} */
const leaderRow = (recording) => ({
  label: "leader",
  height: 22,
  bars: stretchesOf(recording.leaders, recording.result.virtualMs)
    .filter(({ state }) => state.node !== "")
    .map(({ state: { node, term }, fromMs, toMs }) => ({
      fromMs,
      toMs,
      y: 3,
      height: 16,
      colour: `term-${term % 4}`,
      text: `${node}, term ${term}`,
    })),
})

/** @param {Recording} recording @returns {ReadonlyArray<Row>} */
const nodeRows = ({ nodes, result: { virtualMs } }) =>
  nodes.map(({ name, daemon, agent, cut }) => ({
    label: name,
    node: name,
    height: 34,
    bars: [
      ...stretchesOf(daemon, virtualMs).map(({ state, ...stretch }) => ({
        ...stretch,
        y: 3,
        height: 16,
        colour: `daemon-${state}`,
        text: `${name} ${state}`,
      })),
      ...stretchesOf(cut, virtualMs)
        .filter(({ state }) => state)
        .map((stretch) => ({ ...stretch, y: 3, height: 5, colour: "cut", text: `${name}: network disturbed` })),
      ...stretchesOf(agent, virtualMs)
        .filter(({ state }) => !state)
        .map((stretch) => ({ ...stretch, y: 20, height: 3, colour: "agent-off", text: `${name}: agent does not run` })),
    ],
  }))

/** @param {Recording} recording @returns {Row} */
const operationRow = ({ operations, result: { virtualMs } }) => {
  const placed = onLanes(operations.map((operation) => ({ operation, ...operationStretch(operation, virtualMs) })))
  return {
    label: "operations",
    height: lanesOf(placed) * 20 + 6,
    bars: placed.flatMap(({ operation: { id, kind, table, status }, toMs: endMs, lane }) =>
      stretchesOf(status, endMs)
        .filter(({ fromMs, toMs }) => toMs > fromMs)
        .map(({ state, fromMs, toMs }) => ({
          fromMs,
          toMs,
          y: 3 + lane * 20,
          height: 17,
          colour: `operation-${state}`,
          text: `${kind} ${table ?? ""} ${id} ${state}`,
          operation: id,
        })),
    ),
  }
}

/** @param {OperationRecording} operation @param {number} virtualMs @returns {Row} */
const stepRow = ({ id, steps }, virtualMs) => {
  const placed = onLanes(
    steps.flatMap((step) => {
      const stretch = stepStretch(step, virtualMs)
      return stretch === undefined ? [] : [{ step, ...stretch }]
    }),
  )
  return {
    label: `steps of ${id}`,
    height: lanesOf(placed) * 14 + 8,
    bars: placed.map(({ step, fromMs, toMs, state, lane }) => ({
      fromMs,
      toMs,
      y: 3 + lane * 14,
      height: 12,
      colour: `step-${state}`,
      text: `${step.kind} ${step.about} on ${step.node ?? "the leader"}, ${state}`,
      operation: id,
    })),
  }
}

/** One copy of one that is wanted is all of them. @param {number} inSync @param {number} rf */
const copiesColour = (inSync, rf) =>
  inSync >= rf ? "copies-full" : inSync > 1 ? "copies-some" : inSync === 1 ? "copies-one" : "copies-none"

/** @param {Recording} recording @returns {ReadonlyArray<Row>} */
const shardRows = ({ shards, result: { virtualMs } }) =>
  shards.map(({ table, shard, changes }, index) => {
    const isFirst = shards[index - 1]?.table !== table
    return {
      label: isFirst ? `${table} copies` : "",
      height: isFirst ? 14 : 8,
      bars: stretchesOf(changes, virtualMs)
        .filter(({ state }) => state.rf > 0)
        .map(({ state: { rf, inSync }, fromMs, toMs }) => ({
          fromMs,
          toMs,
          y: isFirst ? 6 : 0,
          height: 7,
          colour: copiesColour(inSync.length, rf),
          text: `${table} shard ${shard}: ${inSync.length} of ${rf} in sync (${inSync.join(", ")})`,
        })),
    }
  })

/** All rows from the top to the bottom. @param {Recording} recording @param {string | undefined} selected the operation whose steps are shown @returns {ReadonlyArray<Row>} */
export const rowsOf = (recording, selected) => {
  const chosen = recording.operations.find(({ id }) => id === selected)
  return [
    faultRow(recording),
    leaderRow(recording),
    ...nodeRows(recording),
    ...(recording.operations.length === 0 ? [] : [operationRow(recording)]),
    ...(chosen === undefined ? [] : [stepRow(chosen, recording.result.virtualMs)]),
    ...shardRows(recording),
  ]
}
