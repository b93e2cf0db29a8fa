// The map: a row for each replica group, a column for each node. One cell can be reached by Tab, the others by arrows.
import { byId, element, redraw, tableHead } from "./elements.js"
import { mapRows, mapRowsMax } from "./model.js"

/** @import { Overview } from "./overview.d.ts" */

const signs = { none: "·", insync: "●", behind: "◐", away: "○", leaving: "↤", exiled: "✕" }

/** The cell that Tab reaches. */
let current = ""

/** @param {HTMLElement} cell */
const enter = (cell) => {
  for (const other of byId("map").querySelectorAll('td[tabindex="0"]')) other.setAttribute("tabindex", "-1")
  cell.setAttribute("tabindex", "0")
  current = cell.dataset["key"] ?? ""
  byId("detail").textContent = cell.getAttribute("aria-label") ?? ""
}

/** @type {Readonly<Record<string, readonly [number, number]>>} */
const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

/** @param {KeyboardEvent} event */
export const onMapKey = (event) => {
  const move = moves[event.key]
  const from = document.activeElement
  if (move === undefined || !(from instanceof HTMLTableCellElement)) return
  const [down, right] = move
  const row = from.parentElement
  const to = down === 0 ? row : down < 0 ? row?.previousElementSibling : row?.nextElementSibling
  const cell = to?.children[from.cellIndex + right]
  if (!(cell instanceof HTMLTableCellElement) || cell.tagName !== "TD") return
  event.preventDefault()
  cell.focus()
}

/**
 * @param {Overview} overview
 * @param {string} filter
 */
export const drawMap = (overview, filter) => {
  const all = mapRows(overview, filter)
  const rows = all.slice(0, mapRowsMax)
  const nodes = overview.nodes.map(({ fenced, name, present, replicas, state, zone }) => ({
    name,
    about: [
      fenced ? "fenced" : present ? state : "away",
      ...(zone === null ? [] : [zone]),
      `${replicas} replicas`,
    ].join(", "),
    isWell: present && !fenced,
  }))
  byId("map-count").textContent =
    rows.length < all.length ? `${rows.length} of ${all.length} are shown: use the filter` : `${all.length} groups`
  redraw("map", [rows, nodes], (into) => {
    const head = tableHead(["group", ""])
    for (const { about, isWell, name } of nodes) {
      const label = element("span", { class: "muted small" }, [about])
      head.firstElementChild?.append(
        element("th", { scope: "col", class: isWell ? "" : "bad", "data-node": name }, [name, element("br"), label]),
      )
    }
    const keys = rows.flatMap(({ cells, key }) => cells.map(({ node }) => `${key} ${node}`))
    const reached = keys.includes(current) ? current : keys[0]
    const lines = rows.map(({ about, cells, key, label, whole }) =>
      element("tr", {}, [
        element("th", { scope: "row", class: whole ? "" : "warn" }, [label]),
        element("td", { class: "muted small" }, [about]),
        ...cells.map(({ is, node, text }) =>
          element(
            "td",
            {
              class: `cell ${is}`,
              role: "gridcell",
              "data-key": `${key} ${node}`,
              tabindex: `${key} ${node}` === reached ? "0" : "-1",
              "aria-label": `${label} on ${node}: ${text}. ${about}`,
              title: text,
            },
            [signs[is]],
          ),
        ),
      ]),
    )
    into.append(head, element("tbody", {}, lines))
    for (const cell of into.querySelectorAll("td.cell")) {
      if (cell instanceof HTMLElement) cell.addEventListener("focus", () => enter(cell))
      cell.addEventListener("click", () => cell instanceof HTMLElement && cell.focus())
    }
  })
}
