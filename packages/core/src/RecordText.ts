/**
 * Values of records from the text that they are stored as. Records change seldom and are read often, and in a
 * simulation by every agent, so a text that was read before gives the same object again: nobody may change it.
 */

/** Texts that are kept; a few times what a large cluster changes between two looks. */
const textsMax = 4096

const values = new Map<string, unknown>()

/** The value of a stored text. Throws what `JSON.parse` throws. */
export const readRecordText = (text: string): unknown => {
  const known = values.get(text)
  if (known !== undefined) return known
  const value: unknown = JSON.parse(text)
  if (values.size >= textsMax) values.clear()
  values.set(text, value)
  return value
}
