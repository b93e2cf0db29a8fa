/**
 * What a daemon shows of itself, decoded from its answers. Used by every postcondition: a step's outcome is judged by
 * looking, never by remembering.
 */
import type { Answer, Cell } from "./Answer.ts"
import type { ObservedGroup } from "./State.ts"

const splitList = (value: string): ReadonlyArray<string> =>
  value === ""
    ? []
    : value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")

/** Members in a `nodes_view` value: the binary listeners; replication listeners end in `:replication`. */
const viewMembers = (value: string): ReadonlyArray<string> =>
  splitList(value)
    .filter((item) => !item.endsWith(":replication"))
    .toSorted()

/** Replication clusters by name from `SHOW STATUS LIKE 'cluster_%'`; undefined if the answer is not rows. */
export const observedGroups = (answer: Answer): ReadonlyMap<string, ObservedGroup> | undefined => {
  if (answer._tag !== "Rows") return undefined
  const names: Array<string> = []
  const counters = new Map<string, string>()
  for (const [counter, value] of answer.rows) {
    if (counter === "cluster_name") names.push(String(value))
    else counters.set(String(counter), String(value ?? ""))
  }
  return new Map(
    names.map((name) => {
      const counter = (suffix: string) => counters.get(`cluster_${name}_${suffix}`) ?? ""
      const sent = Number(counter("sst_total"))
      const lastError = counter("last_error")
      return [
        name,
        {
          status: counter("status"),
          nodeState: counter("node_state"),
          size: Number(counter("size")),
          viewNumber: Number(counter("conf_id") || -1),
          members: viewMembers(counter("nodes_view")),
          nodesSet: splitList(counter("nodes_set")).toSorted(),
          tables: splitList(counter("indexes")),
          ...(lastError === "" ? {} : { lastError }),
          ...(sent > 0 ? { transfer: `${sent} % (${counter("sst_stage")}, ${counter("sst_stage_total")} %)` } : {}),
        },
      ] as const
    }),
  )
}

/** Counters of a cluster that `observedGroups` reads. */
const counterRead =
  /^cluster_(?:name|.+_(?:status|node_state|size|conf_id|nodes_view|nodes_set|indexes|last_error|sst_\w+))$/

/** True if two answers to the same SHOW STATUS differ in nothing that `observedGroups` reads. */
export const showTheSame = (before: Answer, now: Answer): boolean => {
  if (before._tag !== "Rows" || now._tag !== "Rows" || before.rows.length !== now.rows.length) return false
  return now.rows.every(([counter, value], index) => {
    const known = before.rows[index]
    return known?.[0] === counter && (known?.[1] === value || !counterRead.test(String(counter)))
  })
}

/** Names in the first column, as `SHOW TABLES` answers them; undefined if the answer is not rows. */
export const firstColumn = (answer: Answer): ReadonlyArray<string> | undefined =>
  answer._tag === "Rows" ? answer.rows.map((row) => String(row[0])) : undefined

/** Kinds of tables by name, as `SHOW TABLES` lists them; nothing if the answer is not rows. Names are in small letters. */
export const tableKinds = (answer: Answer): ReadonlyMap<string, string> =>
  new Map(answer._tag === "Rows" ? answer.rows.map(([name, kind]) => [cellText(name), cellText(kind)]) : [])

/** A cell that must be there, as text. */
export const cellText = (cell: Cell | undefined): string => (cell === undefined || cell === null ? "" : String(cell))

/** True while the node may write to the cluster. */
export const isPrimary = (group: ObservedGroup | undefined): boolean =>
  group !== undefined && group.status === "primary" && group.nodeState === "synced"

/**
 * True if the daemon will not get into the group any more before its next start. One that starts brings its clusters back
 * one after another (semantics 29), and shows those whose turn is still to come as closed, too; they have no error yet.
 */
export const hasGivenUp = (group: ObservedGroup | undefined): boolean =>
  group !== undefined && group.nodeState === "closed" && group.lastError !== undefined
