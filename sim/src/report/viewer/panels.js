// The cluster at the cursor's moment, and the plan of the chosen operation.
/** @import { Recording } from "../Recording.ts" */
import { clusterAt, planColumns, showTime, stateAt } from "./model.js"

/**
 * An element with attributes and children; texts are never read as HTML.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string>>} attributes
 * @param {...(Node | string)} children
 */
export const element = (tag, attributes, ...children) => {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/** @param {ReadonlyArray<string>} head @param {ReadonlyArray<ReadonlyArray<Node | string>>} rows */
const table = (head, rows) =>
  element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))))),
  )

/** @param {string} text @param {string} kind */
const badge = (text, kind) => element("span", { class: `badge ${kind}` }, text)

/** The cluster at a moment. @param {HTMLElement} panel @param {Recording} recording @param {number} atMs */
export const showCluster = (panel, recording, atMs) => {
  const { nodes, shards, operations, faults, writes, leader } = clusterAt(recording, atMs)
  const names = nodes.map(({ name }) => name)
  const nodeTable = table(
    ["node", "daemon", "agent", "network", "replication clusters"],
    nodes.map(({ name, daemon, agent, cut, leads, clusters }) => [
      leads === undefined ? name : `${name} ★ term ${leads}`,
      badge(daemon, daemon === "up" ? "good" : "bad"),
      badge(agent ? "runs" : "does not", agent ? "good" : "bad"),
      badge(cut ? "disturbed" : "whole", cut ? "bad" : "good"),
      clusters.length === 0 ? "none" : clusters.map(({ cluster, state }) => `${cluster}: ${state}`).join("; "),
    ]),
  )
  const copies = table(
    ["shard", "RF", ...names],
    shards.map(({ table: name, shard, rf, inSync, members }) => [
      `${name}/${shard}`,
      String(rf),
      ...names.map((node) =>
        inSync.includes(node) ? badge("in sync", "good") : members.includes(node) ? badge("member", "warn") : "",
      ),
    ]),
  )
  const lines = [
    ...operations.map(
      ({ id, kind, table: of, status, done, steps, underWay }) =>
        `${kind} ${of ?? ""} ${id} is ${status}: ${done} of ${steps} steps${underWay.length === 0 ? "" : `; now ${underWay.map((step) => `${step.kind} on ${step.node ?? "the leader"}`).join(", ")}`}`,
    ),
    ...faults.map(({ text, toMs }) => `fault until ${showTime(toMs ?? 0)}: ${text}`),
    ...(leader === undefined || leader.node === "" ? ["nobody leads"] : []),
    ...(writes === undefined
      ? []
      : [
          `writes in this second: ${writes.acknowledged} acknowledged, ${writes.refused} refused, ${writes.unknown} unknown`,
        ]),
  ]
  panel.replaceChildren(nodeTable, copies, element("ul", {}, ...lines.map((line) => element("li", {}, line))))
}

const box = { width: 168, height: 34, gapX: 40, gapY: 8 }

/** @param {string} tag @param {Readonly<Record<string, string | number>>} attributes @param {...(Node | string)} children */
const svg = (tag, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...children)
  return made
}

/** The plan of an operation, coloured as its steps are at a moment. @param {HTMLElement} panel @param {Recording} recording @param {string | undefined} id @param {number} atMs */
export const showPlan = (panel, recording, id, atMs) => {
  const operation = recording.operations.find((it) => it.id === id)
  if (operation === undefined) {
    panel.replaceChildren(element("p", {}, "No operation."))
    return
  }
  const placed = planColumns(operation.steps)
  const where = new Map(
    placed.map(({ step, column, row }) => [
      step.index,
      { x: column * (box.width + box.gapX) + 4, y: row * (box.height + box.gapY) + 4 },
    ]),
  )
  const width = Math.max(1, ...[...where.values()].map(({ x }) => x + box.width + 8))
  const height = Math.max(1, ...[...where.values()].map(({ y }) => y + box.height + 8))
  const edges = placed.flatMap(({ step }) =>
    step.dependsOn.flatMap((index) => {
      const [from, to] = [where.get(index), where.get(step.index)]
      if (from === undefined || to === undefined) return []
      const [x1, y1, x2, y2] = [from.x + box.width, from.y + box.height / 2, to.x, to.y + box.height / 2]
      return [svg("path", { class: "edge", d: `M${x1},${y1} C${x1 + 20},${y1} ${x2 - 20},${y2} ${x2},${y2}` })]
    }),
  )
  const boxes = placed.map(({ step }) => {
    const { x, y } = where.get(step.index) ?? { x: 0, y: 0 }
    const state = stateAt(step.status, atMs) ?? "pending"
    const undo = step.undoes === null ? "" : `, undoes ${step.undoes}`
    const title = `${step.index} ${step.kind} ${step.about} on ${step.node ?? "the leader"}: ${state}${undo}${step.error === null ? "" : `; ${step.error}`}`
    return svg(
      "g",
      { class: `step ${state}` },
      svg("title", {}, title),
      svg("rect", { x, y, width: box.width, height: box.height, rx: 4 }),
      svg("text", { x: x + 6, y: y + 14 }, `${step.index} ${step.kind}`),
      svg("text", { x: x + 6, y: y + 28, class: "small" }, `${step.node ?? "leader"} ${step.about}`.slice(0, 30)),
    )
  })
  const label = `Plan of ${operation.kind} ${operation.id}: ${operation.steps.length} steps`
  panel.replaceChildren(
    element(
      "p",
      {},
      `${operation.kind} ${operation.table ?? ""} ${operation.id}, ${stateAt(operation.status, atMs) ?? "not yet there"}: ${operation.reason}`,
    ),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "group", "aria-label": label },
      svg("svg", { width, height, role: "img", "aria-label": label }, ...edges, ...boxes),
    ),
  )
}
