// A list of everything that happened. Only the rows in view are in the page, however many there are.
import { element } from "./panels.js"
import { lastIndexAt, showTime } from "./model.js"

const rowHeight = 20

/** @typedef {{ readonly atMs: number, readonly kind: string, readonly node: string, readonly text: string }} Event */

/**
 * @param {HTMLElement} viewport
 * @param {ReadonlyArray<Event>} all
 * @param {(atMs: number) => void} choose
 */
export const makeEventList = (viewport, all, choose) => {
  const spacer = element("div", { class: "spacer" })
  viewport.append(spacer)
  let shown = all
  let times = all.map(({ atMs }) => atMs)
  let current = -1

  const render = () => {
    const first = Math.max(0, Math.floor(viewport.scrollTop / rowHeight) - 5)
    const last = Math.min(shown.length, first + Math.ceil(viewport.clientHeight / rowHeight) + 10)
    spacer.style.height = `${shown.length * rowHeight}px`
    spacer.replaceChildren(
      ...shown.slice(first, last).map((event, offset) => {
        const index = first + offset
        const row = element(
          "div",
          {
            class: `row ${event.kind}`,
            role: "option",
            id: `event-${index}`,
            "aria-selected": String(index === current),
          },
          element("span", { class: "time" }, showTime(event.atMs)),
          element("span", { class: "kind" }, event.kind),
          element("span", { class: "node" }, event.node),
          element("span", { class: "text", title: event.text }, event.text),
        )
        row.style.top = `${index * rowHeight}px`
        row.addEventListener("click", () => select(index))
        return row
      }),
    )
    if (current >= 0) viewport.setAttribute("aria-activedescendant", `event-${current}`)
  }

  /** @param {number} index */
  const reveal = (index) => {
    const top = index * rowHeight
    if (top < viewport.scrollTop || top > viewport.scrollTop + viewport.clientHeight - rowHeight)
      viewport.scrollTop = top - viewport.clientHeight / 2
  }

  /** @param {number} index */
  const select = (index) => {
    const event = shown[index]
    if (event === undefined) return
    current = index
    reveal(index)
    render()
    choose(event.atMs)
  }

  viewport.addEventListener("scroll", () => requestAnimationFrame(render))
  viewport.addEventListener("keydown", (event) => {
    const page = Math.floor(viewport.clientHeight / rowHeight)
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    select(Math.max(0, Math.min(shown.length - 1, current + step)))
  })

  return {
    render,
    /** Shows the events with the text in any of their columns. @param {string} text */
    filter: (text) => {
      const wanted = text.toLowerCase()
      shown =
        wanted === ""
          ? all
          : all.filter(
              ({ kind, node, text: what }) => kind === wanted || node === wanted || what.toLowerCase().includes(wanted),
            )
      times = shown.map(({ atMs }) => atMs)
      current = -1
      viewport.scrollTop = 0
      render()
      return shown.length
    },
    /** Follows the cursor. @param {number} atMs */
    follow: (atMs) => {
      if (shown[current]?.atMs === atMs) return
      current = lastIndexAt(times, atMs)
      if (current >= 0) reveal(current)
      render()
    },
    /** The event before or after a time. @param {number} atMs @param {1 | -1} direction */
    next: (atMs, direction) => {
      const at = lastIndexAt(times, direction === 1 ? atMs : atMs - 0.001)
      return shown[direction === 1 ? at + 1 : at]?.atMs
    },
  }
}
