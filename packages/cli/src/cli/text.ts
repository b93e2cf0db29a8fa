/**
 * Figures as text.
 */

/** A count with its thousands apart: `12 345`. */
export const countText = (count: number): string => count.toString().replaceAll(/\B(?=(\d{3})+$)/g, " ")

/** `1 seed`, `2 seeds`. */
export const counted = (count: number, noun: string): string => `${countText(count)} ${noun}${count === 1 ? "" : "s"}`

/** Text cut to a width, with a sign that it was. */
export const cutText = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`
