/**
 * Names of things, and the rules that they obey. Names reach SQL only after they passed here (semantics 18, 23, 36).
 */

/** A table name longer than this is refused: the server dies of 245 characters, and shards need room for a suffix. */
export const tableNameLengthMax = 200

const identifierPattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Words that the server's grammar takes for something else. */
const reservedWords = new Set(
  (
    "and as between by cast cluster create delete desc describe distinct div drop explain facet false from group " +
    "having id in index insert into is join like limit match mod not null option or order replace select set show " +
    "table to true truncate update values where with"
  ).split(" "),
)

/** What is wrong with the name of a table, or undefined if nothing is. */
export const tableNameProblem = (name: string): string | undefined => {
  if (name === "") return "a table name is missing"
  if (!identifierPattern.test(name)) {
    return `table name '${name}' must begin with a letter or underscore and hold letters, digits and underscores only`
  }
  if (name.length > tableNameLengthMax) {
    return `table name of ${name.length} characters is too long; at most ${tableNameLengthMax} are safe`
  }
  if (reservedWords.has(name.toLowerCase())) return `table name '${name}' is a word of the SQL grammar`
  return undefined
}

const clusterPattern = /^[A-Za-z0-9_]*[A-Za-z_][A-Za-z0-9_]*$/

/** True for a name that a replication cluster can have. */
export const isCluster = (name: string): boolean => clusterPattern.test(name)

/** As `assertIdentifier`, for replication clusters: the existing orchestrator names them by an md5, often digits first. */
export const assertCluster = (name: string): string => {
  if (!isCluster(name)) throw new Error(`not the name of a cluster: ${JSON.stringify(name)}`)
  return name
}

/** Throws on a name that must never reach SQL; callers check user input with `tableNameProblem` before. */
export const assertIdentifier = (name: string): string => {
  if (!identifierPattern.test(name)) throw new Error(`not an identifier: ${JSON.stringify(name)}`)
  return name
}

const addressPattern = /^[A-Za-z0-9._:[\]-]+:\d{1,5}$/

/** Throws on anything but `host:port`. */
export const assertAddress = (address: string): string => {
  if (!addressPattern.test(address)) throw new Error(`not an address host:port: ${JSON.stringify(address)}`)
  return address
}

/** Physical name of a shard's table: the first generation is `system.t_s0`, later ones `system.t_g2_s0`. */
export const physicalShard = (table: string, generation: number, shard: number): string =>
  generation <= 1 ? `system.${table}_s${shard}` : `system.${table}_g${generation}_s${shard}`

/** Physical name of a group's probe table. */
export const probeTable = (group: string): string =>
  /^\d/.test(group) ? `system._${group}_probe` : `system.${group}_probe`

/** Prefix of all replication clusters that the engine makes. */
export const groupPrefix = "sw"

/** Name of a group: fresh for each operation, so that no name comes back (semantics 16). */
export const groupName = (operation: string, index: number): string => `${groupPrefix}_${operation}_${index}`

const hashes = new Map<string, string>()

/** The id of a key's row: a 63-bit FNV-1a hash, never 0, as decimal text. */
export const rowId = (key: string): string => {
  const known = hashes.get(key)
  if (known !== undefined) return known
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(key)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  }
  const id = hash & 0x7fffffffffffffffn
  const text = (id === 0n ? 1n : id).toString()
  if (hashes.size > 100_000) hashes.clear()
  hashes.set(key, text)
  return text
}
