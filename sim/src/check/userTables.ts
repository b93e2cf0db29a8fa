/**
 * `user-tables-untouched`: tables that nobody asked the engine to care for stay as they are, whatever their names. Every
 * run has some on each node: one as users make them, and one that looks like a shard. What clients make in the course of a
 * run is theirs as well: the engine neither drops it nor takes it into a group.
 */
import type { Operation } from "@shardwright/core/State"
import type { MakeChecker } from "./Checker.ts"
import { tableOn } from "./copies.ts"

const name = "user-tables-untouched"

/** Names of the user's tables on every node. */
export const keepsakeTables: ReadonlyArray<string> = ["keepsake", "system.keepsake_s0"]
const ids = [1, 2, 3]

/** What a user does on each node before the run. */
export const keepsakeStatements: ReadonlyArray<string> = keepsakeTables.flatMap((table) => [
  `CREATE TABLE ${table} (v bigint)`,
  `INSERT INTO ${table} (id,v) VALUES ${ids.map((id) => `(${id},${id * 11})`).join(",")}`,
])

/** Makes the checker. */
export const userTables: MakeChecker = (context) => {
  /** Tables that clients have made, as `node table`. */
  const made = new Map<string, { readonly node: string; readonly table: string }>()
  /** Wrappers that the existing orchestrator made are the engine's from their adoption on, whatever becomes of it. */
  const adopted = new Set<string>()
  context.state.onRecord(({ key, value }) => {
    if (!key.startsWith("operation/")) return
    const { kind, status, tables } = value as Operation // the store writes nothing else under this key
    if (kind === "adopt" && status === "running") for (const table of tables) adopted.add(table)
  })
  return {
    name,
    onEvent: (event) => {
      if (event.kind !== "answer") return
      const [, added] = /^ALTER CLUSTER \w+ ADD ([\w.,]+)/.exec(event.sql) ?? []
      if (added !== undefined && event.from === null) {
        // What a client takes into a cluster is replicated by the client's own wish, also if it was not told of its success.
        for (const key of made.keys()) if (added.split(",").includes(key.split(" ")[1] ?? "")) made.delete(key)
        return
      }
      if (event.answer._tag !== "Ok") return
      const [, verb, table] = /^(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?([\w.]+)/.exec(event.sql) ?? []
      if (verb === undefined || table === undefined) return
      const key = `${event.node} ${table}`
      if (event.from === null) {
        if (verb === "CREATE") made.set(key, { node: event.node, table })
        else made.delete(key)
      } else if (verb === "DROP" && adopted.has(table)) made.delete(key)
      else if (verb === "DROP" && made.has(key) && tableOn(context.world, event.node, table) === undefined) {
        context.report(name, `'${event.sql}' on ${event.node} dropped a table that a user had made`)
      }
    },
    atQuiescence: () => {
      for (const { node, table } of made.values()) {
        const cluster = tableOn(context.world, node, table)?.cluster
        if (cluster !== undefined)
          context.report(name, `table ${table} of a user on ${node} is in cluster ${cluster} now`)
      }
      for (const node of context.world.nodes) {
        for (const table of keepsakeTables) {
          const view = tableOn(context.world, node.name, table)
          if (view === undefined) context.report(name, `table ${table} of a user is gone from ${node.name}`)
          else {
            const wrong = ids.filter((id) => Number(view.rows.get(BigInt(id))?.get("v")) !== id * 11)
            if (wrong.length > 0 || view.rows.size !== ids.length)
              context.report(
                name,
                `table ${table} of a user on ${node.name} has ${view.rows.size} rows, and rows ${wrong.join(", ") || "beyond its own"} differ`,
              )
          }
        }
      }
    },
  }
}
