// Asks for the overview every two seconds and shows it. A page that nobody sees asks for nothing.
import { byId, element, redraw, tableBody, tableHead } from "./elements.js"
import { drawMap, onMapKey } from "./map.js"
import { healthOf } from "./model.js"
import { drawOperations } from "./operations.js"

/** @import { Overview } from "./overview.d.ts" */

const pauseMs = 2000

/** @type {Overview | undefined} */
let latest
let latestMs = 0

/** @type {HTMLInputElement} */
const filter = byId("filter")
/** @type {HTMLInputElement} */
const token = byId("token")
/** @type {HTMLSelectElement} */
const theme = byId("theme")

/** @param {string} text  empty: all is well */
const tellProblem = (text) => {
  const problem = byId("problem")
  problem.textContent = text
  problem.hidden = text === ""
}

/** @param {object} wish */
const ask = async (wish) => {
  const response = await fetch("api/v1/requests", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token.value}` },
    body: JSON.stringify({ wish, by: "dashboard", waitSeconds: 5 }),
  })
  /** @type {{ answer?: string | null, status?: string, error?: { message: string } }} */
  const told = await response.json()
  tellProblem(told.error?.message ?? (told.status === "refused" ? (told.answer ?? "refused") : ""))
  await look()
}

/** @param {Overview} overview */
const draw = (overview) => {
  const { findings, history, status, tables } = overview
  byId("cluster").textContent = status.cluster
  const [kind, text] = healthOf(overview)
  const health = byId("health")
  if (health.textContent !== text) health.textContent = text
  health.className = `badge ${kind}`
  byId("leader").textContent =
    `${status.leader === null ? "nobody leads" : `${status.leader} leads`}, term ${status.term}`
  redraw("findings", findings, (into) => {
    if (findings.length === 0) into.append(element("li", { class: "good" }, ["nothing is amiss"]))
    for (const { code, detail, recommendation, severity, subject } of findings) {
      const colour = severity === "critical" ? "bad" : severity === "warning" ? "warn" : "muted"
      into.append(
        element("li", {}, [
          element("span", { class: `badge ${colour}` }, [severity]),
          " ",
          element("strong", {}, [code]),
          ` ${subject}: ${detail}`,
          element("div", { class: "muted" }, [recommendation]),
        ]),
      )
    }
  })
  drawMap(overview, filter.value)
  redraw("tables", tables, (into) => {
    const rows = tables.map(({ layout, name, operation, rf, shards, status: state }) => {
      const whole = layout.filter(({ copies }) => copies >= rf).length
      const lost = layout.filter(({ copies }) => copies === 0).length
      const copies = element("span", { class: lost > 0 ? "bad" : whole < layout.length ? "warn" : "good" }, [
        `${whole} of ${layout.length} whole${lost > 0 ? `, ${lost} without a copy` : ""}`,
      ])
      return [name, state, String(shards), String(rf), copies, operation ?? ""]
    })
    into.append(tableHead(["table", "status", "shards", "copies", "health", "operation"]), tableBody(rows))
  })
  drawOperations(overview, token.value === "" ? undefined : (wish) => void ask(wish))
  redraw("history", history, (into) => {
    const rows = history.map(({ atMs, by, id, kind: what, reason, status: state, table }) => {
      const colour = state === "completed" ? "good" : state === "stopped" ? "warn" : "bad"
      const ended = element("span", { class: colour }, [state])
      return [new Date(atMs).toISOString().slice(0, 19).replace("T", " "), id, what, table ?? "", ended, by, reason]
    })
    into.append(tableHead(["ended (UTC)", "operation", "kind", "table", "status", "by", "what"]), tableBody(rows))
  })
}

const drawAge = () => {
  if (latest === undefined) return
  byId("age").textContent = `seen by ${latest.status.node} ${Math.round((performance.now() - latestMs) / 1000)} s ago`
}

const look = async () => {
  try {
    const response = await fetch("api/v1/overview")
    const told = await response.json()
    if (!response.ok) throw new Error(told.error.message)
    if (latest === undefined) tellProblem("")
    latest = /** @type {Overview} */ (told)
    latestMs = performance.now()
    draw(latest)
    if (!byId("problem").hidden && byId("problem").dataset["from"] === "look") tellProblem("")
  } catch (error) {
    tellProblem(`no overview: ${error instanceof Error ? error.message : String(error)}`)
    byId("problem").dataset["from"] = "look"
  }
  drawAge()
}

/** @param {string} chosen */
const choose = (chosen) => {
  if (chosen === "auto") delete document.documentElement.dataset["theme"]
  else document.documentElement.dataset["theme"] = chosen
}
theme.addEventListener("change", () => choose(theme.value))
token.addEventListener("input", () => latest !== undefined && draw(latest))
filter.addEventListener("input", () => latest !== undefined && draw(latest))
byId("map").addEventListener("keydown", onMapKey)

const sections = ["findings", "map", "tables", "operations", "history"]
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return
  if (event.ctrlKey || event.altKey || event.metaKey) return
  const section = sections[Number(event.key) - 1]
  if (section !== undefined) byId(`${section}-title`).focus()
  else if (event.key === "/") filter.focus()
  else return
  event.preventDefault()
})

const goOn = async () => {
  if (!document.hidden) await look()
  drawAge()
  setTimeout(() => void goOn(), pauseMs)
}
document.addEventListener("visibilitychange", () => !document.hidden && void look())
void goOn()
