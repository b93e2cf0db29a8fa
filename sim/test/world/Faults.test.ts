/** Faults by rule do what they say, to what they name, as often as they should, and leave no trace afterwards. */
import { describe, expect, it } from "vitest"
import type { WorldEvent } from "../../src/world/SimulatedCluster.ts"
import { Bench, brief } from "./Bench.ts"

const local = (nodes = 1): Bench => {
  const bench = new Bench(nodes)
  bench.must("n1", "CREATE TABLE t (v bigint)")
  return bench
}

const insert = (id: number): string => `INSERT INTO t (id,v) VALUES (${id},1)`

describe("faults of statements", () => {
  it("an error takes the place of the statement, as often as it was told", () => {
    const bench = local()
    bench.world.addFault({ kind: "error", pattern: /^INSERT/, errno: 1040, message: "maxed out", times: 2 })
    expect(bench.say("n1", insert(1))).toBe("maxed out")
    expect(bench.ask("n1", insert(1))).toMatchObject({ errno: 1040, sqlState: "42000" })
    expect(bench.say("n1", insert(2))).toBe("ok 1")
    expect(bench.ids("n1")).toBe("2")
  })

  it("a rule for one node leaves the others alone, and ends when it is cancelled", () => {
    const bench = new Bench(2)
    const rule = bench.world.addFault({ kind: "error", node: "n2", errno: 1, message: "no" })
    expect(bench.say("n1", "SELECT 1")).toBe("1")
    expect(bench.say("n2", "SELECT 1")).toBe("no")
    rule.cancel()
    expect(bench.say("n2", "SELECT 1")).toBe("1")
  })

  it.each([
    ["before", "absent from the table", ""],
    ["during", "stored", "7"],
    ["after", "stored", "7"],
  ] as const)("a connection dropped %s leaves the row %s", (when, _what, ids) => {
    const bench = local()
    bench.world.addFault({ kind: "drop", when, pattern: /^INSERT/, times: 1 })
    expect(bench.say("n1", insert(7))).toBe("connection lost")
    bench.advance(10)
    expect(bench.ids("n1")).toBe(ids)
    // The next statement opens the connection again.
    expect(bench.say("n1", insert(8))).toBe("ok 1")
  })

  it("a lost reply: the row is stored, and the client waits until its time is over", () => {
    const bench = local()
    bench.world.addFault({ kind: "lost reply", pattern: /^INSERT/, times: 1 })
    expect(brief(bench.ask("n1", insert(7), 1000))).toBe("timeout")
    expect(bench.ids("n1")).toBe("7")
    expect(bench.say("n1", insert(8))).toBe("ok 1")
  })

  it("a dropped connection forgets the transaction that was open on it", () => {
    const bench = local()
    bench.must("n1", "BEGIN")
    bench.must("n1", insert(1))
    bench.world.addFault({ kind: "drop", when: "before", times: 1 })
    bench.say("n1", "SELECT 1")
    bench.must("n1", "COMMIT")
    expect(bench.ids("n1")).toBe("")
  })

  it("chance is drawn from the world's seed", () => {
    const refused = (seed: number): string => {
      const bench = new Bench(1, { seed })
      bench.world.addFault({ kind: "error", errno: 1, message: "no", probability: 0.5 })
      return Array.from({ length: 40 }, () => (bench.say("n1", "SELECT 1") === "no" ? "x" : ".")).join("")
    }
    expect(refused(3)).toBe(refused(3))
    expect(refused(3)).not.toBe(refused(4))
    expect([...refused(3)].filter((mark) => mark === "x").length).toBeGreaterThan(10)
  })
})

describe("faults of disks", () => {
  it("a full disk refuses what stores, not what reads or deletes", () => {
    const bench = local(2)
    bench.must("n1", insert(1))
    const full = bench.world.addFault({ kind: "disk full", node: "n1" })
    expect(bench.say("n1", insert(2))).toContain("No space left on device")
    expect(bench.say("n1", "CREATE TABLE u (v bigint)")).toContain("No space left on device")
    expect(bench.say("n1", "SELECT COUNT(*) FROM t")).toBe("1")
    expect(bench.say("n1", "DELETE FROM t WHERE id=1")).toBe("ok 1")
    full.cancel()
    expect(bench.say("n1", insert(2))).toBe("ok 1")
  })

  it("a slow disk slows what stores", () => {
    const bench = local()
    bench.world.addFault({ kind: "slow disk", byMicros: 400_000 })
    const write = bench.send("n1", insert(1))
    const read = bench.send("n1", "SELECT 1")
    bench.advance(1000)
    expect(write.ms).toBeGreaterThan(399)
    expect(read.ms).toBeLessThan(5)
  })
})

describe("state transfer", () => {
  const tells = (bench: Bench): Array<string> => {
    const told: Array<string> = []
    bench.world.subscribe((event: WorldEvent) => {
      if (event.kind === "transfer")
        told.push(`${event.state} ${event.donor}>${event.joiner} ${event.what} ${event.outcome}`)
    })
    return told
  }

  it("is told of, with its end", () => {
    const bench = new Bench(3).cluster(2)
    const told = tells(bench)
    bench.must("n3", "JOIN CLUSTER c AT 'n1:9312'")
    expect(told).toEqual(["started n1>n3 all tables under way", "ended n1>n3 all tables synced"])
    bench.world.kill("n3")
    bench.advance(8000)
    bench.must("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    bench.world.start("n3")
    bench.advance(8000)
    expect(told.slice(2)).toEqual(["started n1>n3 missed writes under way", "ended n1>n3 missed writes synced"])
  })

  it("the donor can be killed while it sends: the joiner stays joining for ever", () => {
    const bench = new Bench(3).cluster(2)
    bench.world.addFault({ kind: "slow transfer", factor: 100 })
    const told = tells(bench)
    bench.world.subscribe((event) => {
      if (event.kind === "transfer" && event.state === "started") bench.world.kill(event.donor)
    })
    const join = bench.send("n3", "JOIN CLUSTER c AT 'n1:9312'", 100_000_000)
    bench.advance(60_000)
    expect(brief(join.answer)).toBe("pending")
    expect(bench.state("n3")).toMatch(/joining$/)
    expect(told).toEqual(["started n1>n3 all tables under way", "ended n1>n3 all tables broken off"])
  })

  it("a failing copy makes JOIN answer an error; the next one works", () => {
    const bench = new Bench(2).cluster(1)
    bench.world.addFault({ kind: "failing transfer", node: "n2", times: 1 })
    expect(bench.say("n2", "JOIN CLUSTER c AT 'n1:9312'")).toContain("replication connection failed")
    expect(bench.state("n2")).toBe("none")
    expect(bench.state("n1")).toBe("primary 1 synced")
    expect(bench.say("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")).toBe("ok 1")
    expect(bench.say("n2", "JOIN CLUSTER c AT 'n1:9312'")).toBe("ok 0")
    expect(bench.ids("n2")).toBe("1")
  })

  it("a failing copy leaves a returning member destroyed, and a restart cures it", () => {
    const bench = new Bench(3, { timings: { writesKept: 2 } }).cluster(3)
    bench.world.kill("n3")
    bench.advance(8000)
    for (let id = 1; id <= 9; id++) bench.must("n1", `INSERT INTO c:t (id,v) VALUES (${id},1)`)
    bench.world.addFault({ kind: "failing transfer", times: 1 })
    bench.world.start("n3")
    bench.advance(10_000)
    expect(bench.state("n3")).toMatch(/destroyed$/)
    bench.restart("n3")
    bench.advance(10_000)
    expect(bench.state("n3")).toBe("primary 3 synced")
    expect(bench.ids("n3")).toBe("1,2,3,4,5,6,7,8,9")
  })

  it("a full disk at a member fails ALTER CLUSTER ADD there, and nothing is added", () => {
    const bench = new Bench(2).cluster(2)
    bench.must("n1", "CREATE TABLE u (v bigint)")
    const full = bench.world.addFault({ kind: "disk full", node: "n2" })
    expect(bench.say("n1", "ALTER CLUSTER c ADD u")).toBe("'n2:9312': retries limit exceeded")
    expect(bench.ids("n2", "u")).toBe("absent")
    full.cancel()
    expect(bench.say("n1", "ALTER CLUSTER c ADD u")).toBe("ok 0")
  })

  it("a slow copy takes that much longer", () => {
    const bench = new Bench(2).cluster(1)
    bench.world.addFault({ kind: "slow transfer", factor: 100 })
    const join = bench.send("n2", "JOIN CLUSTER c AT 'n1:9312'")
    bench.advance(10_000)
    expect(join.ms).toBeGreaterThan(4000)
  })
})

describe("links, ports and ids", () => {
  it("latency of a link slows writes of its group and nothing else; heal ends it", () => {
    const bench = new Bench(3).cluster(2)
    const timed = (node: string, sql: string): number => {
      const sent = bench.send(node, sql)
      bench.advance(3000)
      return sent.ms
    }
    bench.world.shapeLink("n1", "n2", { latencyMicros: 150_000 }, true)
    expect(timed("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")).toBeGreaterThan(299)
    expect(timed("n1", "SELECT COUNT(*) FROM t")).toBeLessThan(5)
    bench.world.heal()
    expect(timed("n1", "INSERT INTO c:t (id,v) VALUES (2,1)")).toBeLessThan(5)
    expect(bench.ids("n2")).toBe("1,2")
  })

  it("a link that is mended carries packets again, and other cuts stay", () => {
    const bench = new Bench(3)
    bench.world.cut("n2", "n1", true)
    bench.world.cut("n3", "n1", true)
    bench.world.mend([
      ["n2", "n1"],
      ["n1", "n2"],
    ])
    const ask = (from: string) => bench.send("n1", "SELECT 1", 1000, bench.world.connect(from, "n1"))
    const sent = [ask("n2"), ask("n3")]
    bench.advance(2000)
    expect(sent.map(({ answer }) => brief(answer))).toEqual(["1", "timeout"])
  })

  it("a node that is cut off link by link for a second comes back as if by one cut", () => {
    const bench = new Bench(3).cluster(3)
    bench.world.cut("n3", "n1", true)
    bench.world.cut("n3", "n2", true)
    const write = bench.send("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    bench.advance(1000)
    bench.world.heal()
    bench.advance(3000)
    expect(brief(write.answer)).toBe("ok 1")
    bench.advance(20_000)
    expect(bench.state("n1")).toBe("primary 3 synced")
  })

  it("a lossy link delivers everything, later", () => {
    const bench = new Bench(2).cluster(2)
    bench.world.shapeLink("n1", "n2", { loss: 0.3 }, true)
    const sent = Array.from({ length: 30 }, (_, id) => bench.send("n1", `INSERT INTO c:t (id,v) VALUES (${id + 1},1)`))
    bench.advance(60_000)
    expect(sent.map(({ answer }) => brief(answer))).toEqual(sent.map(() => "ok 1"))
    expect(sent.filter(({ ms }) => ms >= 200).length).toBeGreaterThan(5)
    expect(sent.filter(({ ms }) => ms < 10).length).toBeGreaterThan(5)
    expect(bench.ids("n2").split(",").length).toBe(30)
    expect(() => bench.world.shapeLink("n1", "n2", { loss: 1 }, true)).toThrow("below 1")
  })

  it("a client on a host has the latency of its link", () => {
    const bench = new Bench(2)
    bench.world.shapeLink("n2", "n1", { latencyMicros: 80_000 }, false)
    const sent = bench.send("n1", "SELECT 1", 1000, bench.world.connect("n2", "n1"))
    bench.advance(1000)
    expect(Math.round(sent.ms)).toBe(80)
  })

  it("ports can run out and come back", () => {
    const bench = new Bench(1)
    bench.must("n1", "CREATE CLUSTER c")
    bench.world.limitReplicationPorts("n1", 2)
    bench.world.makeDirectory("n1", "d")
    expect(bench.say("n1", "CREATE CLUSTER d 'd' as path")).toContain("no replication ports available")
    bench.world.limitReplicationPorts("n1", undefined)
    expect(bench.say("n1", "CREATE CLUSTER d 'd' as path")).toBe("ok 0")
  })

  it("nodes with one server_id choose the same ids: the second row is refused", () => {
    const bench = new Bench(2).cluster(2)
    const auto = "INSERT INTO c:t (v) VALUES (1)"
    bench.must("n1", auto)
    bench.must("n2", auto)
    bench.world.setServerId("n1", 7)
    bench.world.setServerId("n2", 7)
    bench.must("n1", auto)
    bench.advance(10)
    expect(bench.say("n2", auto)).toContain("duplicate id")
    bench.world.setServerId("n2", 8)
    expect(bench.say("n2", auto)).toBe("ok 1")
  })
})
