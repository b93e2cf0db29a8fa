// What is drawn, as values: no element of the page is touched here.

/** @import { Group, Operation, Overview, Step } from "./overview.d.ts" */

/**
 * A cell of the map: how a node stands to a group, in one word, and in a sentence.
 *
 * @typedef {{ node: string, is: "none" | "insync" | "behind" | "away" | "leaving" | "exiled", text: string }} MapCell
 * @typedef {{ key: string, label: string, about: string, whole: boolean, cells: ReadonlyArray<MapCell> }} MapRow
 */

/** Rows of the map that are drawn at once; a filter finds the others. */
export const mapRowsMax = 300

/** Steps of a plan that are drawn as a graph; of a longer one only the counts are shown. */
export const graphStepsMax = 400

/**
 * @param {Group} group
 * @param {string} node
 * @returns {MapCell}
 */
const groupCell = (group, node) => {
  const member = group.members.find((it) => it.node === node)
  if (member !== undefined) {
    const shown =
      member.status === null ? "its daemon does not show the group" : `${member.status}, ${member.nodeState}`
    const copy = member.transfer === null ? "" : `, copy at ${member.transfer}`
    if (!member.present) return { node, is: "away", text: "a member that is away" }
    if (member.inSync) return { node, is: "insync", text: `in sync (${shown})` }
    return { node, is: "behind", text: `not in sync (${shown}${copy})` }
  }
  if (group.leaving.includes(node)) return { node, is: "leaving", text: "leaves" }
  if (group.exiled.includes(node)) return { node, is: "exiled", text: "was given up and may come back" }
  return { node, is: "none", text: "no member" }
}

/** @param {Group} group */
const shardsText = ({ shards }) => {
  /** @type {Map<string, Array<number>>} */
  const byTable = new Map()
  for (const { shard, table } of shards) byTable.set(table, [...(byTable.get(table) ?? []), shard])
  return [...byTable].map(([table, list]) => `${table} ${list.join(" ")}`).join(", ")
}

/**
 * A row for each group, then one for each table with single copies.
 *
 * @param {Overview} overview
 * @param {string} filter
 * @returns {ReadonlyArray<MapRow>}
 */
export const mapRows = ({ groups, nodes, tables }, filter) => {
  const names = nodes.map(({ name }) => name)
  const present = new Map(nodes.map((node) => [node.name, node.present]))
  const ofGroups = groups.map((group) => {
    const sound = group.members.filter(({ inSync, present: isThere }) => inSync && isThere).length
    return {
      key: group.name,
      label: group.name,
      about: `${group.status}, ${sound} of ${group.rf} in sync; ${shardsText(group) || "no shards"}`,
      whole: sound >= group.rf,
      cells: names.map((node) => groupCell(group, node)),
    }
  })
  const ofTables = tables.flatMap((table) => {
    const single = table.layout.filter(({ group }) => group === null)
    if (single.length === 0) return []
    const cells = names.map((node) => {
      const shards = single.filter(({ nodes: holders }) => holders.includes(node)).map(({ shard }) => shard)
      if (shards.length === 0) return { node, is: /** @type {const} */ ("none"), text: "no shard" }
      const text = `the only copy of ${shards.join(" ")}`
      return {
        node,
        is: present.get(node) === true ? /** @type {const} */ ("insync") : /** @type {const} */ ("away"),
        text,
      }
    })
    const whole = single.every(({ copies }) => copies > 0)
    return [{ key: `table ${table.name}`, label: table.name, about: `${single.length} single copies`, whole, cells }]
  })
  const wanted = filter.trim().toLowerCase()
  const all = [...ofGroups, ...ofTables]
  if (wanted === "") return all
  return all.filter(
    ({ about, cells, label }) =>
      `${label} ${about}`.toLowerCase().includes(wanted) ||
      cells.some(({ is, node }) => is !== "none" && node.toLowerCase().includes(wanted)),
  )
}

/**
 * Steps in columns: each stands right of all that it depends on.
 *
 * @param {ReadonlyArray<Step>} steps
 * @returns {{ places: ReadonlyArray<{ step: Step, column: number, row: number }>, columns: number, rows: number }}
 */
export const graphOf = (steps) => {
  /** @type {Map<number, number>} */
  const columnOf = new Map()
  /** @type {Map<number, number>} */
  const filled = new Map()
  const places = steps.map((step) => {
    const column = Math.max(-1, ...step.dependsOn.map((index) => columnOf.get(index) ?? -1)) + 1
    const row = filled.get(column) ?? 0
    columnOf.set(step.index, column)
    filled.set(column, row + 1)
    return { step, column, row }
  })
  return { places, columns: filled.size, rows: Math.max(0, ...filled.values()) }
}

/** @param {number} ms */
export const lengthText = (ms) => {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 90) return `${seconds} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** @param {number} bytes */
export const bytesText = (bytes) => {
  if (bytes < 1000) return `${bytes} B`
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3))
  return `${(bytes / 1000 ** power).toFixed(1)} ${["B", "kB", "MB", "GB", "TB"][power]}`
}

/** @param {Operation} operation */
export const progressText = ({ progress: { bytes, etaMs, steps } }) =>
  [
    `${steps.done} of ${steps.total} steps`,
    ...(bytes.expected === null || bytes.expected === 0
      ? []
      : [`${bytesText(bytes.copied)} of ${bytesText(bytes.expected)}`]),
    ...(etaMs === null ? [] : [`about ${lengthText(etaMs)} left`]),
  ].join(", ")

/**
 * The gravest thing that is amiss, in one word.
 *
 * @param {Overview} overview
 * @returns {readonly ["good" | "warn" | "bad", string]}
 */
export const healthOf = ({ findings }) => {
  const critical = findings.filter(({ severity }) => severity === "critical").length
  const warnings = findings.filter(({ severity }) => severity === "warning").length
  if (critical > 0) return ["bad", `${critical} critical`]
  return warnings > 0 ? ["warn", `${warnings} warnings`] : ["good", "all is well"]
}
