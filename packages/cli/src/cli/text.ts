/**
 * Figures and tables as text.
 */

/** Virtual time as people read it, to a tenth of a second: `0:07.3`, `12:40.0`, `1:02:03.0`. */
export const clockText = (ms: number): string => {
  const tenths = Math.max(0, Math.round(ms / 100))
  const seconds = Math.floor(tenths / 10) % 60
  const minutes = Math.floor(tenths / 600) % 60
  const hours = Math.floor(tenths / 36_000)
  const two = (value: number) => String(value).padStart(2, "0")
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds)}.${tenths % 10}`
}

/** Real time: `85 ms`, `3.2 s`, `4 min 05 s`. */
export const lengthText = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`
}

/** A count with its thousands apart: `12,345`. */
export const countText = (count: number): string => count.toLocaleString("en-US")

/** `1 seed`, `2 seeds`. */
export const counted = (count: number, noun: string): string => `${countText(count)} ${noun}${count === 1 ? "" : "s"}`

/** One column of a table. */
export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
}

/** A table with its columns aligned; two spaces between them, none at the end of a line. */
export const tableText = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> => {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => (row[index] ?? "").length)),
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, index) => {
        const width = widths[index] ?? 0
        return columns[index]?.align === "right" ? cell.padStart(width) : cell.padEnd(width)
      })
      .join("  ")
      .trimEnd()
  return [line(columns.map((column) => column.title)), ...rows.map(line)]
}

/** Text cut to a width, with a sign that it was. */
export const cutText = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`
