/** "Did you mean …?": the word of a closed set that is nearest to what was written. */

/** Number of letters to insert, take away, replace or exchange with their neighbour to get from one word to the other. */
export const editDistance = (from: string, to: string): number => {
  let beforeLast: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}

const fold = (word: string): string => word.toLowerCase().replaceAll(/[-_\s]/gu, "")

const numbers = (word: string): string => word.replaceAll(/[0-9]+/gu, (digits) => `#${Number(digits)}`)

/** `n9` is no slip for `n1`: somebody who writes a number means it. */
const otherNumber = (written: string, word: string): boolean =>
  numbers(written) !== numbers(word) && written.replaceAll(/[0-9]+/gu, "#") === word.replaceAll(/[0-9]+/gu, "#")

/** The nearest word, if one is near enough to be meant; the first of several that are equally near. */
export const nearest = (written: string, words: ReadonlyArray<string>): string | null => {
  // Longer texts are no slips of the finger, and comparing them costs time.
  if (written.length > 64) return null
  const folded = fold(written)
  let best: string | null = null
  let bestDistance = (folded.length < 2 ? 0 : Math.max(1, Math.floor(folded.length / 3))) + 1
  for (const word of words) {
    const distance = editDistance(folded, fold(word))
    if (distance < bestDistance && !otherNumber(folded, fold(word))) {
      best = word
      bestDistance = distance
    }
  }
  return best
}

/** A cure that names the nearest word; empty if none is near. */
export const suggest = (written: string, words: ReadonlyArray<string>): string => {
  const word = nearest(written, words)
  return word === null ? "" : `did you mean ${word}?`
}
