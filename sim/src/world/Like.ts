/** The patterns of LIKE in SHOW: `%` for any text, `_` for any character; case does not matter. */
const compiled = new Map<string, RegExp>()

const compile = (pattern: string): RegExp => {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".")
  return new RegExp(`^${source}$`, "is")
}

/** True if the text matches the pattern as a whole. */
export const like = (pattern: string, text: string): boolean => {
  let expression = compiled.get(pattern)
  if (expression === undefined) {
    if (compiled.size > 1000) compiled.clear()
    expression = compile(pattern)
    compiled.set(pattern, expression)
  }
  return expression.test(text)
}
