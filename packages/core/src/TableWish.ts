/**
 * What may be asked of a new table, checked before anything is planned.
 */
import { tableNameProblem } from "./Identifier.ts"

/** Bounds that keep a plan within what a cluster can carry. */
export const shardsMax = 100_000
export const rfMax = 9

/** What is wrong with a wish for a table, or undefined. */
export const tableWishProblem = (wish: {
  readonly table: string
  readonly structure: string
  readonly options: Readonly<Record<string, string>>
  readonly shards: number
  readonly rf: number
}): string | undefined => {
  const name = tableNameProblem(wish.table)
  if (name !== undefined) return name
  if (!Number.isInteger(wish.shards) || wish.shards < 1 || wish.shards > shardsMax) {
    return `shards must be a whole number from 1 to ${shardsMax}, found ${wish.shards}`
  }
  return rfProblem(wish.rf) ?? structureProblem(wish.structure) ?? optionsProblem(wish.options)
}

/** What is wrong with a number of copies, or undefined. */
export const rfProblem = (rf: number): string | undefined =>
  Number.isInteger(rf) && rf >= 1 && rf <= rfMax
    ? undefined
    : `rf must be a whole number from 1 to ${rfMax}, found ${rf}`

/** A column list holds names, types and their options: nothing that could end the list early. */
export const structureProblem = (structure: string): string | undefined => {
  if (structure.trim() === "") return "the structure has no columns"
  const foreign = /[^A-Za-z0-9_,\s`'=.-]/.exec(structure.replace(/\(\s*\d+\s*\)/g, ""))
  return foreign === null ? undefined : `the structure holds ${JSON.stringify(foreign[0])}, which no column needs`
}

const optionsProblem = (options: Readonly<Record<string, string>>): string | undefined => {
  const wrong = Object.keys(options).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  return wrong === undefined ? undefined : `option ${JSON.stringify(wrong)} is not a name`
}
