/** Protects what replication builds on: snapshots stay as they are, order and size follow every change. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { idColumn, Structure } from "../../../src/world/storage/Structure.ts"
import type { Row } from "../../../src/world/storage/Structure.ts"
import { Table } from "../../../src/world/storage/Table.ts"

const structure = new Structure([idColumn, { ...idColumn, name: "v" }])
const row = (id: bigint, value: bigint): Row => [id, value]

describe("Table", () => {
  it("a snapshot stays as it is while the table goes on, and brings it back", () => {
    const table = new Table("t", structure)
    table.insert(1n, row(1n, 10n))
    table.insert(2n, row(2n, 20n))
    const snapshot = table.snapshot()
    table.update(1n, row(1n, 11n))
    table.delete(2n)
    table.insert(3n, row(3n, 30n))
    expect([...snapshot.rows.values()]).toEqual([row(1n, 10n), row(2n, 20n)])
    const copy = Table.fromSnapshot(snapshot)
    copy.insert(9n, row(9n, 90n))
    table.restore(snapshot)
    expect([...table.rows.values()]).toEqual([row(1n, 10n), row(2n, 20n)])
    expect(table.bytes).toBe(snapshot.bytes)
    expect(copy.size).toBe(3)
  })

  it("order by id, number and bytes are those of the documents after any changes", () => {
    const change = fc.tuple(fc.constantFrom("insert", "delete", "read"), fc.bigInt({ min: -50n, max: 50n }))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const table = new Table("t", structure)
        const ordered = (): boolean => {
          const ids = [...table.rows.keys()].sort((left, right) => (left < right ? -1 : 1))
          return (
            JSON.stringify(ids.map(String)) ===
            JSON.stringify(ids.map((_, position) => String(table.at(position)?.[0])))
          )
        }
        let disorders = 0
        for (const [kind, id] of changes) {
          if (kind === "insert") {
            table.insert(id, row(id, id * 2n))
          } else if (kind === "delete") {
            table.delete(id)
          } else if (!ordered()) {
            disorders++
          }
        }
        expect(disorders).toBe(0)
        expect(ordered()).toBe(true)
        expect(table.bytes).toBe(table.size * 16)
      }),
    )
  })
})
