// Writes and how long they took, as series over the same time as the timeline.
/** @import { Recording } from "../Recording.ts" */
import { colourOf } from "./colours.js"

/**
 * @param {HTMLElement} place
 * @param {Recording} recording
 * @param {(atMs: number) => void} choose
 */
export const makeCharts = (place, recording, choose) => {
  const { writes } = recording
  const seconds = writes.map(({ atMs }) => atMs / 1000)
  let cursorMs = 0
  /** @param {string} name */
  const colour = (name) => () => colourOf(name)
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } }

  /** @param {InstanceType<typeof uPlot>} chart */
  const drawMarks = (chart) => {
    const { ctx, bbox } = chart
    /** @param {number} ms @param {string} fill @param {number} width */
    const line = (ms, fill, width) => {
      const x = chart.valToPos(ms / 1000, "x", true)
      if (x < bbox.left || x > bbox.left + bbox.width) return
      ctx.fillStyle = fill
      ctx.fillRect(x - width / 2, bbox.top, width, bbox.height)
    }
    for (const { atMs } of recording.violations) line(atMs, colour("bad")(), 2)
    line(cursorMs, colour("cursor")(), 3)
  }

  /** @param {string} title @param {ReadonlyArray<readonly [label: string, colour: string, values: ReadonlyArray<number | null>]>} series */
  const chart = (title, series) => {
    const made = new uPlot(
      {
        title,
        width: place.clientWidth,
        height: 150,
        padding: [null, 0, null, 0],
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [
          { ...axis, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
          { ...axis, size: 112 },
        ],
        series: [
          { label: "time", value: (_, at) => (at === null ? "" : `${at} s`) },
          ...series.map(([label, name]) => ({ label, stroke: colour(name), width: 1.5, spanGaps: false })),
        ],
        cursor: { drag: { x: false, y: false } },
        hooks: { draw: [drawMarks] },
      },
      [seconds, ...series.map(([, , values]) => [...values])],
      place,
    )
    made.root.setAttribute("role", "img")
    made.root.setAttribute("aria-label", title)
    made.over.addEventListener("click", () => {
      const left = made.cursor.left ?? -1
      if (left >= 0) choose(made.posToVal(left, "x") * 1000)
    })
    return made
  }
  const charts = [
    chart("writes a second", [
      ["acknowledged", "good", writes.map((it) => it.acknowledged)],
      ["refused", "warn", writes.map((it) => it.refused)],
      ["unknown", "bad", writes.map((it) => it.unknown)],
    ]),
    chart("latency of acknowledged writes, ms", [
      ["half of them within", "good", writes.map((it) => it.p50)],
      ["99 of 100 within", "warn", writes.map((it) => it.p99)],
    ]),
  ]
  return {
    /** @param {{ readonly window: { readonly fromMs: number, readonly toMs: number }, readonly cursorMs: number }} view */
    draw: (view) => {
      cursorMs = view.cursorMs
      for (const it of charts) it.setScale("x", { min: view.window.fromMs / 1000, max: view.window.toMs / 1000 })
    },
    resize: () => {
      for (const it of charts) it.setSize({ width: place.clientWidth, height: 150 })
    },
  }
}
