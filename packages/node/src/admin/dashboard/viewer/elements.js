// Elements of the page. Texts of the records get into it as text, never as HTML.

/**
 * The element of an id, which the page has.
 *
 * @template {HTMLElement} [A=HTMLElement]
 * @param {string} id
 * @returns {A}
 */
export const byId = (id) => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return /** @type {A} */ (found)
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string>>} attributes
 * @param {ReadonlyArray<Node | string>} children
 */
export const element = (name, attributes = {}, children = []) => {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(...children)
  return made
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {ReadonlyArray<Node | string>} children
 */
export const svg = (name, attributes = {}, children = []) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  made.append(...children)
  return made
}

/**
 * @param {ReadonlyArray<string>} names
 * @returns {HTMLElement}
 */
export const tableHead = (names) =>
  element("thead", {}, [
    element(
      "tr",
      {},
      names.map((name) => element("th", { scope: "col" }, [name])),
    ),
  ])

/**
 * @param {ReadonlyArray<ReadonlyArray<Node | string>>} rows
 * @returns {HTMLElement}
 */
export const tableBody = (rows) =>
  element(
    "tbody",
    {},
    rows.map((row) =>
      element(
        "tr",
        {},
        row.map((cell) => element("td", {}, [cell])),
      ),
    ),
  )

/** @type {Map<string, string>} */
const drawn = new Map()

/** @param {HTMLElement} into */
const openKeys = (into) =>
  [...into.querySelectorAll("details[open]")].map((details) => details.getAttribute("data-key") ?? "")

/**
 * Draws something again only if what it shows has changed, leaves open what was, and puts the focus back on what had it.
 *
 * @param {string} id
 * @param {unknown} shown
 * @param {(into: HTMLElement) => void} draw
 */
export const redraw = (id, shown, draw) => {
  const text = JSON.stringify(shown)
  if (drawn.get(id) === text) return
  drawn.set(id, text)
  const into = byId(id)
  const key = into.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null
  const open = openKeys(into)
  into.replaceChildren()
  draw(into)
  for (const details of into.querySelectorAll("details"))
    details.toggleAttribute("open", open.includes(details.getAttribute("data-key") ?? ""))
  if (typeof key === "string") {
    const again = into.querySelector(`[data-key="${CSS.escape(key)}"]`)
    if (again instanceof HTMLElement || again instanceof SVGElement) again.focus()
  }
}
