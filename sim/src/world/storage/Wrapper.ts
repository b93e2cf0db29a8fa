/**
 * Wrapper tables (`type='shard'`, `type='distributed'`): what they refer to, what makes a definition wrong, which shard
 * a document belongs to, and how the answers of shards become one. Pure: nothing here asks another node.
 */
import type { Insert, Literal, TableOption } from "../sql/Statement.ts"
import { failure } from "../sql/Statement.ts"
import type { SqlFailure } from "../sql/Statement.ts"
import { shardOf } from "./routing.ts"
import type { Structure } from "./Structure.ts"

/** One copy of a shard on another node. */
export interface Mirror {
  /** `host:port` of the node's binary listener, as it was written. */
  readonly address: string
  readonly table: string
}

/** What one `local=` or `agent=` of a wrapper refers to. */
export interface Target {
  /** Number of the shard, from the end of the table's name: `system.t_s3` is 3. */
  readonly order: number
  /** Table of this node, or undefined for a shard that is asked over the network. */
  readonly local: string | undefined
  /** Copies on other nodes; empty for a local one. */
  readonly mirrors: ReadonlyArray<Mirror>
  /** `retry_count`, `ha_strategy` and the like. */
  readonly options: ReadonlyMap<string, string>
  /** As it was written. */
  readonly text: string
}

export interface Wrapper {
  readonly kind: "shard" | "distributed"
  readonly name: string
  /** Undefined for `distributed`, which has no columns of its own. */
  readonly structure: Structure | undefined
  /** In the order of routing: by number for `shard`, as written for `distributed`. */
  readonly targets: ReadonlyArray<Target>
  /** As written: local tables first, then agents. */
  readonly definition: ReadonlyArray<TableOption>
}

/** A definition as it was read, with what the daemon warns of. */
export interface ReadWrapper {
  readonly kind: "wrapper"
  readonly wrapper: Wrapper
  readonly warnings: ReadonlyArray<string>
}

/** Reads and checks the options of CREATE TABLE; `structureOf` knows the plain tables of this node. */
export const readWrapper = (
  kind: "shard" | "distributed",
  name: string,
  structure: Structure,
  options: ReadonlyArray<TableOption>,
  structureOf: (table: string) => Structure | undefined,
): ReadWrapper | SqlFailure => {
  const refuse = (reason: string): SqlFailure => failure(`error adding table '${name}': ${reason}`)
  const targets: Array<Target> = []
  const warnings: Array<string> = []
  for (const option of options.filter((candidate) => candidate.name === "local")) {
    for (const local of splitList(option.value)) {
      const found = structureOf(local)
      if (found === undefined) {
        return refuse(`table '${name}': no such local table '${local}'`)
      }
      if (kind === "shard" && !found.isCompatibleWith(structure)) {
        return refuse(`local table '${local}' is incompatible with shard table '${name}'`)
      }
      targets.push({ order: orderOf(local, targets.length), local, mirrors: [], options: new Map(), text: local })
    }
  }
  for (const option of options.filter((candidate) => candidate.name === "agent" && candidate.value.trim() !== "")) {
    const target = readAgent(name, option.value, targets.length)
    warnings.push(...target.warnings)
    if (kind === "shard") {
      const problem = checkShardAgent(option.value, target.tables)
      if (problem !== undefined) {
        return refuse(`table '${name}': ${problem}`)
      }
    }
    targets.push(target.target)
  }
  if (targets.length === 0) {
    return refuse(`table '${name}': no valid local/remote tables in ${kind} table`)
  }
  const clash = kind === "shard" ? findClash(targets) : undefined
  if (clash !== undefined) {
    return refuse(`table '${name}': ${clash}`)
  }
  const wrapper: Wrapper = {
    kind,
    name,
    structure: kind === "shard" ? structure : undefined,
    targets: kind === "shard" ? [...targets].sort((left, right) => left.order - right.order) : targets,
    definition: [
      ...options.filter((option) => option.name === "local"),
      ...options.filter((option) => option.name === "agent"),
    ],
  }
  return { kind: "wrapper", wrapper, warnings }
}

const splitList = (text: string): ReadonlyArray<string> =>
  text
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== "")

const orderOf = (table: string, position: number): number => {
  const digits = /_s(\d+)$/.exec(table)?.[1]
  return digits === undefined ? position : Number(digits)
}

interface ReadAgent {
  readonly target: Target
  /** Per mirror, the tables that it names. */
  readonly tables: ReadonlyArray<ReadonlyArray<string>>
  readonly warnings: ReadonlyArray<string>
}

/** `host:port:table|host:port:table[option=value,…]`. */
const readAgent = (name: string, text: string, position: number): ReadAgent => {
  const warnings: Array<string> = []
  const options = new Map<string, string>()
  const plain = text.replace(/\[([^\]]*)\]/g, (_, inside: string) => {
    for (const pair of inside.split(",")) {
      const [key = "", value = ""] = pair.split("=")
      options.set(key.trim().toLowerCase(), value.trim())
    }
    return ""
  })
  const tables: Array<ReadonlyArray<string>> = []
  const mirrors = plain.split("|").map((mirror): Mirror => {
    const parts = mirror.trim().split(":")
    const hasPort = parts.length > 2 || /^\d+$/.test(parts[1] ?? "")
    if (parts.length === 1) {
      warnings.push(
        `table '${name}': agent '${mirror}': colon and portnum expected before '' - Using default IANA 9312 port`,
      )
    }
    const address = hasPort
      ? parts.slice(0, 2).join(":")
      : parts.length === 1
        ? `${mirror.trim()}:9312`
        : (parts[0] ?? "")
    const named = splitList(parts.slice(hasPort ? 2 : 1).join(":"))
    tables.push(named.length === 0 ? [name] : named)
    return { address, table: named[0] ?? name }
  })
  const order = orderOf(mirrors[0]?.table ?? name, position)
  return { target: { order, local: undefined, mirrors, options, text }, tables, warnings }
}

const checkShardAgent = (text: string, tables: ReadonlyArray<ReadonlyArray<string>>): string | undefined => {
  if (tables.some((named) => named.length !== 1)) {
    return `shard remote target '${text}' must name exactly one remote table`
  }
  return new Set(tables.flat()).size > 1
    ? `shard remote target '${text}' must name the same remote table on every mirror`
    : undefined
}

/** The table that a target refers to. */
export const tableOf = (target: Target): string => target.local ?? target.mirrors[0]?.table ?? ""

const findClash = (targets: ReadonlyArray<Target>): string | undefined => {
  const seen = new Map<number, Target>()
  for (const target of targets) {
    const other = seen.get(target.order)
    if (other !== undefined) {
      return `duplicate shard suffix order ${target.order} for targets '${tableOf(other)}' and '${tableOf(target)}'`
    }
    seen.set(target.order, target)
  }
  return undefined
}

/** True if a wrapper refers to a table that is hidden from users: dropping and showing it then takes `force=1`. */
export const refersToSystem = (wrapper: Wrapper): boolean =>
  wrapper.targets.some(
    (target) =>
      (target.local?.startsWith("system.") ?? false) ||
      target.mirrors.some((mirror) => mirror.table.startsWith("system.")),
  )

/** The part of an INSERT that goes to one shard, addressed to the shard's own table. */
export interface InsertPart {
  readonly target: Target
  readonly statement: Insert
  /** Ids of its rows, in order. */
  readonly ids: ReadonlyArray<bigint>
}

/**
 * Splits an INSERT or REPLACE into one statement for each shard that gets rows, in the order of the shards. Rows
 * without an id get one from `autoId` first, because the id decides where they go.
 */
export const splitInsert = (
  wrapper: Wrapper,
  insert: Insert,
  autoId: () => bigint,
): ReadonlyArray<InsertPart> | SqlFailure => {
  const { structure } = wrapper
  if (structure === undefined) {
    return failure(`table '${wrapper.name}' does not support INSERT`)
  }
  const named = insert.columns ?? structure.described.map((position) => structure.column(position).name)
  const idPosition = named.indexOf("id")
  const columns = idPosition < 0 ? ["id", ...named] : named
  const rows = new Map<number, Array<ReadonlyArray<Literal>>>()
  const ids = new Map<number, Array<bigint>>()
  for (const row of insert.rows) {
    const id = idFrom(idPosition < 0 ? 0n : (row[idPosition] ?? 0n), autoId)
    if (typeof id !== "bigint") {
      return id
    }
    const shard = shardOf(id, wrapper.targets.length)
    const complete =
      idPosition < 0 ? [id, ...row] : row.map((value, position) => (position === idPosition ? id : value))
    const shardRows = rows.get(shard) ?? []
    const shardIds = ids.get(shard) ?? []
    shardRows.push(complete)
    shardIds.push(id)
    rows.set(shard, shardRows)
    ids.set(shard, shardIds)
  }
  return wrapper.targets.flatMap((target, shard): ReadonlyArray<InsertPart> => {
    const part = rows.get(shard)
    if (part === undefined) {
      return []
    }
    const statement: Insert = { ...insert, target: { cluster: undefined, table: tableOf(target) }, columns, rows: part }
    return [{ target, statement, ids: ids.get(shard) ?? [] }]
  })
}

/** The id that a constant asks for: 0 and text without digits ask for one of the server's choice. */
export const idFrom = (literal: Literal, autoId: () => bigint): bigint | SqlFailure => {
  if (typeof literal === "bigint" && literal > 0n && literal <= int64Max) {
    return literal
  }
  if (typeof literal === "object") {
    return autoId()
  }
  const wanted =
    typeof literal === "bigint"
      ? literal
      : typeof literal === "number"
        ? BigInt(Math.trunc(literal))
        : BigInt(/^\s*-?\d+/.exec(literal)?.[0]?.trim() ?? "0")
  if (wanted < 0n) {
    return failure("Negative document ids are not allowed")
  }
  return wanted === 0n ? autoId() : BigInt.asIntN(64, wanted > uint64Max ? uint64Max : wanted)
}

const int64Max = 2n ** 63n - 1n
const uint64Max = 2n ** 64n - 1n

/** Why a write through a wrapper failed on another node; ids of the rows that other shards had taken before. */
export const remoteWriteFailure = (
  mirror: Mirror,
  reason: { readonly kind: "refused" | "unreachable"; readonly message: string },
  processedIds: ReadonlyArray<bigint>,
): SqlFailure => {
  const cause = reason.kind === "refused" ? `remote error: ${reason.message}` : reason.message
  return failure(`remote table '${mirror.table}' at ${mirror.address} failed: ${cause}${processed(processedIds)}`)
}

/** Why a write through a wrapper failed on a local shard. */
export const localWriteFailure = (message: string, processedIds: ReadonlyArray<bigint>): SqlFailure =>
  failure(`${message}${processed(processedIds)}`)

const processed = (ids: ReadonlyArray<bigint>): string => (ids.length === 0 ? "" : `; processed_ids=${ids.join(",")}`)

/** What went wrong with one table. */
export interface Problem {
  readonly table: string
  /** The wrapper through which a table of this node was asked. */
  readonly parent?: Wrapper
  readonly error: string
}

const shownTables = 4

/** All problems as the daemon reports them: sorted by their texts, equal ones once, with the tables that have it. */
export const reportProblems = (problems: ReadonlyArray<Problem>): string => {
  const byError = new Map<string, Array<Problem>>()
  for (const problem of [...problems].sort((a, b) => compare(a.error, b.error) || compare(a.table, b.table))) {
    const alike = byError.get(problem.error) ?? []
    if (!alike.some(({ table }) => table === problem.table)) {
      alike.push(problem)
    }
    byError.set(problem.error, alike)
  }
  return [...byError].map(([error, alike]) => `${nameTables(alike)}: ${error}`).join(";\n")
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const nameTables = (alike: ReadonlyArray<Problem>): string => {
  const parent = alike[0]?.parent
  const locals = parent?.targets.filter((target) => target.local !== undefined).length
  if (parent !== undefined && alike.length > 1 && alike.length === locals) {
    return `index ${parent.name}`
  }
  const tables = alike.map(({ table }) => table)
  return tables.length > shownTables
    ? `table ${tables.slice(0, shownTables - 1).join(",")} and ${tables.length - shownTables + 1} more`
    : `table ${tables.join(",")}`
}

/** A shard that did not answer a SELECT; `reason` is `receiving failure (…)`, `query timed out`, `remote query error: …`. */
export const agentProblem = (wrapper: Wrapper, address: string, reason: string): Problem => ({
  table: wrapper.name,
  error: `agent ${address}: ${reason}`,
})
