/**
 * `user-tables-untouched`: tables that nobody asked the engine to care for stay as they are, whatever their names. Every
 * run has some on each node: one as users make them, and one that looks like a shard.
 */
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
export const userTables: MakeChecker = (context) => ({
  name,
  atQuiescence: () => {
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
})
