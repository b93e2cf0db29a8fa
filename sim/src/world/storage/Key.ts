/**
 * Document ids as keys of a `Map`. Engines hash numbers several times faster than bigints, and nearly all ids are small
 * enough to be numbers.
 */

/** An id that stands for itself and nothing else: a number where that is exact, else the bigint. */
export type Key = number | bigint

/** The key of an id. */
export const keyOf = (id: bigint): Key => {
  const number = Number(id)
  return Number.isSafeInteger(number) ? number : id
}
