// The page: one cursor in time and one window of time, which everything on it shows.
/** @import { Recording } from "../Recording.ts" */
import { makeCharts } from "./charts.js"
import { forgetColours } from "./colours.js"
import { makeEventList } from "./events.js"
import { eventsOf, operationStretch, showTime } from "./model.js"
import { element, showCluster, showPlan } from "./panels.js"
import { makeTimeline } from "./timeline.js"

/** @template {Element} Kind @param {string} id @param {new () => Kind} kind @returns {Kind} */
const byId = (id, kind) => {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`)
  return found
}

/** @type {Recording} */
const recording = JSON.parse(byId("recording", HTMLScriptElement).textContent)
const endMs = Math.max(1, recording.result.virtualMs)
const scrubber = byId("scrubber", HTMLInputElement)
const clock = byId("clock", HTMLOutputElement)
const canvas = byId("timeline", HTMLCanvasElement)
const operationSelect = byId("operation", HTMLSelectElement)
const tip = byId("tip", HTMLElement)

const startMs = recording.violations[0]?.atMs ?? 0
/** Of what is under way at the start, what began last. */
const first = recording.operations.findLast((operation) => {
  const { fromMs, toMs } = operationStretch(operation, endMs)
  return fromMs <= startMs && startMs <= toMs
})
let view = {
  window: { fromMs: 0, toMs: endMs },
  cursorMs: startMs,
  selected: (first ?? recording.operations[0])?.id,
}
let isDue = false
/** What the timeline and the plan were drawn with; undefined: they are to be drawn anew. @type {typeof view | undefined} */
let drawn

const timeline = makeTimeline(canvas, byId("cursor", HTMLElement), recording)
const charts = makeCharts(byId("charts", HTMLElement), recording, (atMs) => moveTo(atMs))
const events = makeEventList(byId("events", HTMLElement), eventsOf(recording), (atMs) => moveTo(atMs))

const render = () => {
  isDue = false
  if (drawn?.window !== view.window || drawn.selected !== view.selected) timeline.draw(view)
  drawn = view
  timeline.point(view.cursorMs)
  charts.draw(view)
  showCluster(byId("cluster", HTMLElement), recording, view.cursorMs)
  showPlan(byId("plan", HTMLElement), recording, view.selected, view.cursorMs)
  events.follow(view.cursorMs)
  scrubber.value = String(view.cursorMs)
  scrubber.setAttribute("aria-valuetext", showTime(view.cursorMs))
  clock.value = showTime(view.cursorMs)
  if (view.selected !== undefined) operationSelect.value = view.selected
}

/** Once a frame, however often something changes. @param {Partial<typeof view>} change */
const show = (change) => {
  view = { ...view, ...change }
  if (isDue) return
  isDue = true
  requestAnimationFrame(render)
}

/** Moves the cursor, and the window along if the cursor leaves it. @param {number} ms */
const moveTo = (ms) => {
  const cursorMs = Math.max(0, Math.min(endMs, ms))
  const { fromMs, toMs } = view.window
  const span = toMs - fromMs
  const start = Math.max(0, Math.min(endMs - span, cursorMs - span / 2))
  show({ cursorMs, ...(cursorMs < fromMs || cursorMs > toMs ? { window: { fromMs: start, toMs: start + span } } : {}) })
}

/** @param {number} factor @param {number} aroundMs */
const zoom = (factor, aroundMs) => {
  const span = Math.max(10, Math.min(endMs, (view.window.toMs - view.window.fromMs) * factor))
  const share = (aroundMs - view.window.fromMs) / (view.window.toMs - view.window.fromMs)
  const fromMs = Math.max(0, Math.min(endMs - span, aroundMs - span * share))
  show({ window: { fromMs, toMs: fromMs + span } })
}

/** @param {1 | -1} direction */
const toViolation = (direction) => {
  const times = recording.violations.map(({ atMs }) => atMs).sort((a, b) => a - b)
  const next =
    direction === 1 ? times.find((atMs) => atMs > view.cursorMs) : times.findLast((atMs) => atMs < view.cursorMs)
  const found = next ?? times.at(direction === 1 ? 0 : -1)
  if (found !== undefined) moveTo(found)
}

/** @param {1 | -1} direction */
const toEvent = (direction) => moveTo(events.next(view.cursorMs, direction) ?? view.cursorMs)

/** @type {Readonly<Record<string, (event: KeyboardEvent) => void>>} */
const keys = {
  ArrowLeft: ({ shiftKey }) =>
    moveTo(view.cursorMs - ((view.window.toMs - view.window.fromMs) / 100) * (shiftKey ? 10 : 1)),
  ArrowRight: ({ shiftKey }) =>
    moveTo(view.cursorMs + ((view.window.toMs - view.window.fromMs) / 100) * (shiftKey ? 10 : 1)),
  Home: () => moveTo(0),
  End: () => moveTo(endMs),
  "[": () => toEvent(-1),
  "]": () => toEvent(1),
  v: () => toViolation(1),
  V: () => toViolation(-1),
  "+": () => zoom(0.5, view.cursorMs),
  "-": () => zoom(2, view.cursorMs),
  0: () => show({ window: { fromMs: 0, toMs: endMs } }),
  "/": () => byId("filter", HTMLInputElement).focus(),
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement && event.target.type !== "range"
  const isChoosing = event.target instanceof HTMLSelectElement
  if (isTyping || isChoosing || event.ctrlKey || event.metaKey || event.altKey) return
  const act = keys[event.key]
  if (act === undefined) return
  event.preventDefault()
  act(event)
})

scrubber.max = String(endMs)
scrubber.addEventListener("input", () => moveTo(Number(scrubber.value)))

/** Where a drag over the timeline began. @type {number | undefined} */
let dragFrom
canvas.addEventListener("pointerdown", (event) => {
  dragFrom = event.offsetX
  canvas.setPointerCapture(event.pointerId)
})
canvas.addEventListener("pointerup", (event) => {
  if (dragFrom === undefined) return
  const [left, right] = [Math.min(dragFrom, event.offsetX), Math.max(dragFrom, event.offsetX)]
  dragFrom = undefined
  if (right - left > 5) {
    show({ window: { fromMs: timeline.timeAt(left), toMs: timeline.timeAt(right) } })
    return
  }
  const operation = timeline.hitAt(event.offsetX, event.offsetY)?.operation
  if (operation !== undefined) show({ selected: operation })
  moveTo(timeline.timeAt(event.offsetX))
})
canvas.addEventListener("pointermove", (event) => {
  const hit = timeline.hitAt(event.offsetX, event.offsetY)
  tip.textContent = hit?.text ?? ""
})
canvas.addEventListener("dblclick", () => show({ window: { fromMs: 0, toMs: endMs } }))
canvas.addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey) return
    event.preventDefault()
    zoom(event.deltaY > 0 ? 1.25 : 0.8, timeline.timeAt(event.offsetX))
  },
  { passive: false },
)

const filter = byId("filter", HTMLInputElement)
const countText = byId("count", HTMLElement)
const applyFilter = () => (countText.textContent = `${events.filter(filter.value)} events`)
filter.addEventListener("input", applyFilter)

for (const operation of recording.operations) {
  const { fromMs } = operationStretch(operation, endMs)
  const label = `${operation.kind} ${operation.table ?? ""} ${operation.id} at ${showTime(fromMs)}`
  operationSelect.append(element("option", { value: operation.id }, label))
}
operationSelect.addEventListener("change", () => show({ selected: operationSelect.value }))

for (const { atMs, checker, message } of recording.violations) {
  const button = element("button", { type: "button" }, `${checker} at ${showTime(atMs)}: ${message}`)
  button.addEventListener("click", () => moveTo(atMs))
  byId("violations", HTMLElement).append(element("li", {}, button))
}

const theme = byId("theme", HTMLSelectElement)
theme.addEventListener("change", () => {
  document.documentElement.dataset["theme"] = theme.value
  repaint()
})
const repaint = () => {
  forgetColours()
  drawn = undefined
  show({})
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint)
new ResizeObserver(() => {
  charts.resize()
  drawn = undefined
  show({})
}).observe(byId("charts", HTMLElement))
applyFilter()
render()
document.documentElement.dataset["ready"] = "true"
