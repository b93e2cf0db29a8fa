// Colours of the style sheet for what is drawn on canvases, which know no variables.

const probe = document.createElement("span")
probe.hidden = true
document.documentElement.append(probe)
/** @type {Map<string, string>} */
const known = new Map()

/** The colour `--name` as it is now; of an unknown name, that of `--otherwise`. @param {string} name @param {string} [otherwise] @returns {string} */
export const colourOf = (name, otherwise = "text") => {
  const found = known.get(name)
  if (found !== undefined) return found
  probe.style.color = `var(--${name}, var(--${otherwise}))`
  const colour = getComputedStyle(probe).color
  known.set(name, colour)
  return colour
}

/** To be called when light and dark have changed. */
export const forgetColours = () => known.clear()
