// Operations: how far each is, what it waits for, and its plan as a graph of steps.
import { element, redraw, svg } from "./elements.js"
import { graphOf, graphStepsMax, progressText } from "./model.js"

/** @import { Operation, Overview, Step } from "./overview.d.ts" */

const width = 118
const height = 30
const gapX = 26
const gapY = 8

/** @param {Step} step */
const stepText = ({ index, kind, node, status, waiting }) =>
  `${index} ${kind} on ${node ?? "the leader"}: ${status}${waiting === null ? "" : `, waits: ${waiting.code}, ${waiting.detail}`}`

/** @param {ReadonlyArray<Step>} steps */
const graph = (steps) => {
  const { columns, places, rows } = graphOf(steps)
  const at = new Map(
    places.map(({ column, row, step }) => [step.index, [column * (width + gapX), row * (height + gapY)]]),
  )
  const edges = places.flatMap(({ step }) =>
    step.dependsOn.flatMap((before) => {
      const [fromX, fromY] = at.get(before) ?? []
      const [toX, toY] = at.get(step.index) ?? []
      if (fromX === undefined || fromY === undefined || toX === undefined || toY === undefined) return []
      const [x1, y1, x2, y2] = [fromX + width, fromY + height / 2, toX, toY + height / 2]
      return [
        svg("path", { class: "edge", d: `M${x1} ${y1}C${x1 + gapX / 2} ${y1} ${x2 - gapX / 2} ${y2} ${x2} ${y2}` }),
      ]
    }),
  )
  const boxes = places.map(({ step }) => {
    const [x = 0, y = 0] = at.get(step.index) ?? []
    const label = stepText(step)
    return svg(
      "g",
      { class: `step ${step.status}`, tabindex: 0, role: "img", "aria-label": label, "data-key": `step ${step.index}` },
      [
        svg("title", {}, [label]),
        svg("rect", { x, y, width, height, rx: 4 }),
        svg("text", { x: x + 6, y: y + 12 }, [step.kind]),
        svg("text", { x: x + 6, y: y + 25, class: "on" }, [(step.node ?? "leader").slice(0, 20)]),
      ],
    )
  })
  const [w, h] = [Math.max(1, columns * (width + gapX) - gapX), Math.max(1, rows * (height + gapY) - gapY)]
  return element("div", { class: "scroll" }, [
    svg("svg", { width: w, height: h, viewBox: `0 0 ${w} ${h}`, role: "group", "aria-label": "Plan" }, [
      ...edges,
      ...boxes,
    ]),
  ])
}

/** @param {ReadonlyArray<Step>} steps */
const counts = (steps) => {
  /** @type {Map<string, number>} */
  const byKind = new Map()
  for (const { kind, status } of steps) byKind.set(`${kind} ${status}`, (byKind.get(`${kind} ${status}`) ?? 0) + 1)
  return element("p", { class: "muted" }, [[...byKind].map(([what, count]) => `${count} ${what}`).join(", ")])
}

/** What can be asked of an operation, by its status. @type {Readonly<Record<string, ReadonlyArray<string>>>} */
const offers = {
  awaiting_approval: ["Approve"],
  running: ["Pause", "Stop"],
  paused: ["Resume", "Stop"],
}

/**
 * @param {Operation} operation
 * @param {((wish: object) => void) | undefined} ask  undefined if there is no token
 */
const card = (operation, ask) => {
  const { error, explanation, id, kind, progress, reason, status, steps, table, undoing } = operation
  const title = `${id} ${kind}${table === null ? "" : ` ${table}`}`
  const buttons = (offers[status] ?? []).map((tag) => {
    const button = element("button", { type: "button", "data-key": `${id} ${tag}`, "data-wish": tag }, [
      tag.toLowerCase(),
    ])
    if (ask === undefined) button.setAttribute("disabled", "")
    const wish = { _tag: tag, operation: id, ...(tag === "Stop" ? { now: false } : {}) }
    button.addEventListener("click", () => ask?.(wish))
    return button
  })
  return element("article", { "aria-label": title }, [
    element("h3", {}, [
      title,
      " ",
      element("span", { class: "badge" }, [undoing ? "rolled back" : status]),
      " ",
      ...buttons,
    ]),
    element("p", {}, [reason]),
    element("progress", {
      max: "100",
      value: String(progress.percentage),
      "aria-label": `${title}: ${progress.percentage} %`,
    }),
    element("span", { class: "muted" }, [` ${progressText(operation)}`]),
    ...(progress.waiting === null
      ? []
      : [element("p", { class: "warn" }, [`waits: ${progress.waiting.code}, ${progress.waiting.detail}`])]),
    ...(error === null ? [] : [element("p", { class: "bad" }, [error])]),
    ...(explanation.length === 0
      ? []
      : [
          element("details", { "data-key": `${id} details` }, [
            element("summary", { "data-key": `${id} why` }, [`why (${explanation.length})`]),
            element(
              "ul",
              {},
              explanation.map((line) => element("li", {}, [line])),
            ),
          ]),
        ]),
    steps.length > graphStepsMax ? counts(steps) : graph(steps),
  ])
}

/**
 * @param {Overview} overview
 * @param {((wish: object) => void) | undefined} ask
 */
export const drawOperations = ({ operations }, ask) => {
  redraw("operations", [operations, ask === undefined], (into) => {
    if (operations.length === 0) into.append(element("p", { class: "muted" }, ["nothing is under way"]))
    for (const operation of operations) into.append(card(operation, ask))
  })
}
