// The timeline on a canvas: rows over time, drawn anew when the window of time, the rows or the colours change. The cursor
// is an element above it, so that moving it draws nothing.
/** @import { Recording } from "../Recording.ts" */
/** @import { Bar, Row } from "./rows.js" */
import { colourOf } from "./colours.js"
import { showTime } from "./model.js"
import { faultStretches, rowsOf } from "./rows.js"

/** @typedef {{ readonly fromMs: number, readonly toMs: number }} Window */
/** @typedef {{ readonly x: number, readonly y: number, readonly width: number, readonly height: number, readonly text: string, readonly operation?: string }} Hit */

/** Width of the labels; the charts below have as much left of their axes. */
const gutter = 112
const axisHeight = 22
/** Bars from here on are large enough for their text. */
const textFrom = { height: 12, width: 40 }

/** The tick that leaves about eight of them in the window. @param {number} spanMs */
const tickMs = (spanMs) => {
  const about = spanMs / 8
  const power = 10 ** Math.floor(Math.log10(Math.max(1, about)))
  return power * (about / power > 5 ? 10 : about / power > 2 ? 5 : about / power > 1 ? 2 : 1)
}

/** One drawing: the canvas with its measures, and what can be pointed at. */
class Drawing {
  /** @type {Array<Hit>} */
  hits = []

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Window} shown
   * @param {number} width
   * @param {number} height
   */
  constructor(context, shown, width, height) {
    this.context = context
    this.shown = shown
    this.width = width
    this.height = height
  }

  /** @param {number} ms */
  x(ms) {
    return gutter + ((ms - this.shown.fromMs) / (this.shown.toMs - this.shown.fromMs)) * (this.width - gutter)
  }

  /** A rectangle over a stretch of time; undefined if it is out of view. @param {Window} stretch @param {number} y @param {number} height @param {string} colour */
  fill({ fromMs, toMs }, y, height, colour) {
    if (toMs < this.shown.fromMs || fromMs > this.shown.toMs) return undefined
    const left = Math.max(gutter, this.x(fromMs))
    const width = Math.max(1, Math.min(this.width, this.x(toMs)) - left)
    this.context.fillStyle = colour
    this.context.fillRect(left, y, width, height)
    return { left, width }
  }

  /** @param {Bar} bar @param {number} top */
  bar(bar, top) {
    const y = top + bar.y
    const place = this.fill(bar, y, bar.height, colourOf(bar.colour, "operation-running"))
    if (place === undefined) return
    const { context } = this
    const text = `${bar.text} (${showTime(bar.fromMs)} to ${showTime(bar.toMs)})`
    const { operation } = bar
    this.hits.push({
      x: place.left,
      y,
      width: Math.max(3, place.width),
      height: bar.height,
      text,
      ...(operation === undefined ? {} : { operation }),
    })
    if (bar.height < textFrom.height || place.width < textFrom.width) return
    context.save()
    context.beginPath()
    context.rect(place.left, y, place.width - 3, bar.height)
    context.clip()
    context.fillStyle = colourOf("on-bar")
    context.fillText(bar.text, place.left + 4, y + bar.height / 2)
    context.restore()
  }

  /** Statements: as many as there are in each column of pixels. @param {ReadonlyArray<number>} times @param {number} bottom */
  density(times, bottom) {
    const columns = new Float32Array(Math.max(1, Math.ceil(this.width - gutter)))
    for (const atMs of times) {
      const column = Math.floor(this.x(atMs) - gutter)
      if (column >= 0 && column < columns.length) columns[column] = (columns[column] ?? 0) + 1
    }
    this.context.fillStyle = colourOf("statement")
    columns.forEach((count, column) => {
      if (count === 0) return
      const height = Math.min(9, 2 + Math.log2(count + 1) * 1.5)
      this.context.fillRect(gutter + column, bottom - height, 1, height)
    })
  }

  axis() {
    const { context, shown } = this
    const tick = tickMs(shown.toMs - shown.fromMs)
    context.fillStyle = colourOf("muted")
    for (let at = Math.ceil(shown.fromMs / tick) * tick; at <= shown.toMs; at += tick) {
      context.fillText(`${Number((at / 1000).toFixed(3))} s`, this.x(at) + 3, axisHeight / 2)
      context.fillRect(this.x(at), 0, 0.5, this.height)
    }
  }

  /** @param {Recording["violations"][number]} violation */
  violation({ atMs, checker, message }) {
    if (atMs < this.shown.fromMs || atMs > this.shown.toMs) return
    const { context } = this
    const x = this.x(atMs)
    context.fillStyle = colourOf("bad")
    context.fillRect(x - 0.75, 0, 1.5, this.height)
    context.beginPath()
    context.moveTo(x - 6, 0)
    context.lineTo(x + 6, 0)
    context.lineTo(x, 9)
    context.fill()
    this.hits.push({ x: x - 6, y: 0, width: 12, height: 12, text: `${checker}: ${message}` })
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} cursor
 * @param {Recording} recording
 */
export const makeTimeline = (canvas, cursor, recording) => {
  const endMs = Math.max(1, recording.result.virtualMs)
  const context = canvas.getContext("2d")
  if (context === null) throw new Error("this browser has no canvas")
  const callTimes = new Map(recording.nodes.map(({ name }) => [name, /** @type {Array<number>} */ ([])]))
  for (const [atMs, , , to] of recording.calls) callTimes.get(to)?.push(atMs)
  const faults = faultStretches(recording)
  let drawing = new Drawing(context, { fromMs: 0, toMs: endMs }, 1, 1)

  /** @param {Row} row @param {number} y */
  const drawRow = (row, y) => {
    // Bands of faults lie behind the nodes that they hit.
    for (const stretch of faults)
      if (row.node !== undefined && stretch.fault.nodes.includes(row.node))
        drawing.fill(stretch, y, row.height, colourOf("fault-band"))
    for (const bar of row.bars) drawing.bar(bar, y)
    if (row.node !== undefined) drawing.density(callTimes.get(row.node) ?? [], y + row.height - 2)
    context.fillStyle = colourOf("text")
    if (row.label !== "") context.fillText(row.label, 6, y + Math.min(row.height, 24) / 2, gutter - 10)
    context.fillStyle = colourOf("line")
    if (row.height > 10) context.fillRect(0, y + row.height - 0.5, drawing.width, 0.5)
  }

  return {
    /** @param {{ readonly window: Window, readonly selected: string | undefined }} view */
    draw: ({ window: shown, selected }) => {
      const rows = rowsOf(recording, selected)
      const width = canvas.clientWidth
      const height = axisHeight + rows.reduce((sum, row) => sum + row.height, 0) + 4
      const ratio = globalThis.devicePixelRatio
      canvas.style.height = `${height}px`
      canvas.width = Math.round(width * ratio)
      canvas.height = Math.round(height * ratio)
      context.setTransform(ratio, 0, 0, ratio, 0, 0)
      context.font = "11px system-ui, sans-serif"
      context.textBaseline = "middle"
      drawing = new Drawing(context, shown, width, height)
      let y = axisHeight
      for (const row of rows) {
        drawRow(row, y)
        y += row.height
      }
      drawing.axis()
      for (const violation of recording.violations) drawing.violation(violation)
    },

    /** Puts the cursor where it belongs in what was drawn last. @param {number} atMs */
    point: (atMs) => {
      const { fromMs, toMs } = drawing.shown
      cursor.hidden = atMs < fromMs || atMs > toMs
      cursor.style.transform = `translateX(${drawing.x(atMs) - 1}px)`
    },

    /** What is drawn at a place of the canvas. @param {number} x @param {number} y */
    hitAt: (x, y) =>
      drawing.hits.findLast((hit) => x >= hit.x && x <= hit.x + hit.width && y >= hit.y && y <= hit.y + hit.height),

    /** The time at a place of the canvas. @param {number} x */
    timeAt: (x) => {
      const { fromMs, toMs } = drawing.shown
      const ms = fromMs + ((x - gutter) / (drawing.width - gutter)) * (toMs - fromMs)
      return Math.max(0, Math.min(endMs, ms))
    },
  }
}
