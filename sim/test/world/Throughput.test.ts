/**
 * The world whose speed `bench/world.ts` measures is as large as it says, answers its mix of statements, and is not slow.
 * The floor is far below what the benchmark shows, for slow machines and cold code.
 */
import { describe, expect, it } from "vitest"
import { buildLoad, mix } from "./Load.ts"

const floorPerSecond = 3_000

/** Time that this thread has computed: what others do on the machine does not count. */
const computedMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

describe("the world that is measured", () => {
  const load = buildLoad(1)

  it("has five nodes, each with 100 shards, 8 replica groups in sync and the coordination cluster", () => {
    expect(load.world.nodes).toHaveLength(5)
    for (const { name } of load.world.nodes) {
      const clusters = load.world.clusters(name)
      expect(clusters.filter((cluster) => cluster.name !== "c")).toHaveLength(8)
      expect(clusters.every(({ status, nodeState }) => status === "primary" && nodeState === "synced")).toBe(true)
      expect(clusters.find((cluster) => cluster.name === "c")?.size).toBe(5)
      const tables = load.world.tables(name)
      const shards = tables.filter((table) => /^system\.t\d+_s\d$/.test(table.name))
      expect(shards).toHaveLength(100)
      expect(shards.every((shard) => shard.rows.size === 30 && shard.cluster !== undefined)).toBe(true)
      expect(tables.filter(({ kind }) => kind === "shard")).toHaveLength(38)
    }
  })

  it("answers the whole mix, and hardly ever with a refusal", { timeout: 60_000 }, () => {
    expect(Object.values(mix).reduce((sum, share) => sum + share, 0)).toBe(1000)
    load.run(load.prepare(10_000))
    const statements = load.prepare(20_000)
    const startedMs = computedMs()
    const refused = load.run(statements)
    const perSecond = (statements.length * 1000) / (computedMs() - startedMs)
    expect(refused).toBeLessThan(statements.length / 100)
    expect(perSecond).toBeGreaterThan(floorPerSecond)
  })
})
