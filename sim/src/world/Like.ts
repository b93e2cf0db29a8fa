/** The patterns of LIKE in SHOW: `%` for any text, `_` for any character; case does not matter. */

type Matcher = (text: string) => boolean

const matchers = new Map<string, Matcher>()
const matchersMax = 1000

const percent = 0x25
const underscore = 0x5f

const lower = (code: number): number => (code >= 65 && code <= 90 ? code | 32 : code)

/** True if a text begins as the pattern wants it before its first `%`; the text may be longer than that. */
const beginsAs = (head: string, text: string): boolean => {
  if (text.length < head.length) return false
  for (let at = 0; at < head.length; at++) {
    const wanted = head.charCodeAt(at)
    if (wanted !== underscore && lower(wanted) !== lower(text.charCodeAt(at))) return false
  }
  return true
}

const isAscii = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false
  return true
}

const compile = (pattern: string): Matcher => {
  const head = pattern.slice(0, -1)
  if (pattern.charCodeAt(pattern.length - 1) === percent && !head.includes("%") && isAscii(head))
    return (text) => beginsAs(head, text)
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".")
  const expression = new RegExp(`^${source}$`, "is")
  return (text) => expression.test(text)
}

/** A test for texts that match the pattern as a whole; without a pattern all do. */
export const likeMatcher = (pattern: string | undefined): Matcher => {
  if (pattern === undefined) return () => true
  let matcher = matchers.get(pattern)
  if (matcher === undefined) {
    if (matchers.size >= matchersMax) matchers.clear()
    matcher = compile(pattern)
    matchers.set(pattern, matcher)
  }
  return matcher
}

/** Which of the texts that begin with `start` can match: most questions are about one cluster of many. */
export const likeOfBeginning = (pattern: string, start: string): "none" | "some" | "all" => {
  for (let at = 0; at < start.length; at++) {
    const wanted = pattern.charCodeAt(at)
    if (wanted === percent) return at === pattern.length - 1 ? "all" : "some"
    if (wanted !== underscore && lower(wanted) !== lower(start.charCodeAt(at))) return "none"
  }
  return pattern.length === start.length + 1 && pattern.charCodeAt(start.length) === percent ? "all" : "some"
}
