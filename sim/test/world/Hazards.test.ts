/**
 * The ways of a real cluster to lose data, one after another (numbers of findings in semantics.md). These are what the
 * engine must survive, so the world must show them.
 */
import { describe, expect, it } from "vitest"
import { Bench, brief } from "./Bench.ts"

const blocked = "error at PostRollback, code 3 (transaction aborted, server can continue), seqno -1"

describe("ways to lose data", () => {
  it("1: after a clean stop of all, the second one started is primary with what it has", () => {
    const bench = new Bench(3).cluster(3)
    bench.must("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    for (const node of ["n3", "n2"]) {
      bench.world.stop(node)
      bench.advance(7000)
      bench.must("n1", `INSERT INTO c:t (id,v) VALUES (${node === "n3" ? 2 : 3},1)`)
    }
    bench.world.stop("n1")
    bench.advance(1000)
    for (const node of ["n1", "n2", "n3"]) {
      bench.world.start(node)
      bench.advance(3000)
    }
    expect(bench.state("n1")).toBe("recovery-required 0 closed")
    expect(bench.state("n2")).toBe("primary 2 synced")
    expect(bench.ids("n1")).toBe("1,2,3")
    bench.restart("n1")
    bench.advance(4000)
    expect(["n1", "n2", "n3"].map((node) => bench.ids(node))).toEqual(["1,2", "1,2", "1,2"])
  })

  it("3: --new-cluster does nothing alone, and keeps the number when any other member is up", () => {
    const bench = new Bench(2).cluster(2)
    bench.must("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    bench.world.stop("n2")
    bench.advance(7000)
    bench.world.stop("n1")
    bench.advance(1000)
    bench.world.start("n1", { newCluster: true })
    bench.advance(2000)
    expect(bench.state("n1")).toBe("recovery-required 0 closed")
    bench.world.stop("n1")
    bench.advance(200)
    bench.world.start("n2")
    bench.advance(500)
    bench.world.start("n1", { newClusterForce: true })
    bench.advance(1000)
    expect(bench.state("n1")).toBe("primary 1 synced")
    expect(bench.say("n1", "SHOW STATUS LIKE 'cluster_c_state_seqno'")).toBe("cluster_c_state_seqno 2")
    expect(bench.state("n2")).toBe("recovery-required 0 closed")
  })

  it("4: a copy over a table with rows of its own brings them back at the next crash, and loses new ones", () => {
    const bench = new Bench(2)
    bench.must("n1", "CREATE TABLE t (v bigint)")
    bench.must("n1", "INSERT INTO t (id,v) VALUES (1,1)")
    bench.must("n1", "CREATE CLUSTER c")
    bench.must("n1", "ALTER CLUSTER c ADD t")
    bench.must("n2", "CREATE TABLE t (v bigint)")
    for (const id of [501, 502, 503]) bench.must("n2", `INSERT INTO t (id,v) VALUES (${id},1)`)
    bench.must("n2", "JOIN CLUSTER c AT 'n1:9312'")
    for (const id of [10, 11, 20, 12]) bench.must("n1", `INSERT INTO c:t (id,v) VALUES (${id},1)`)
    bench.advance(100)
    expect(bench.ids("n2")).toBe("1,10,11,12,20")
    bench.world.kill("n1")
    bench.world.kill("n2")
    expect(bench.ids("n2")).toBe("1,12,20,502,503")
    expect(bench.ids("n1")).toBe("1,10,11,12,20")
  })

  it("6: ADD replaces what the others hold, also by nothing", () => {
    const bench = new Bench(2)
    bench.must("n1", "CREATE CLUSTER c")
    bench.must("n2", "JOIN CLUSTER c AT 'n1:9312'")
    bench.must("n1", "CREATE TABLE t (v bigint)")
    bench.must("n2", "CREATE TABLE t (v bigint)")
    bench.must("n2", "INSERT INTO t (id,v) VALUES (7,7)")
    bench.must("n1", "ALTER CLUSTER c ADD t")
    expect(bench.ids("n2")).toBe("")
  })

  it("8: two bootstrapped halves never become one", () => {
    const bench = new Bench(2).cluster(2)
    bench.world.partition([["n1"], ["n2"]])
    bench.advance(8000)
    bench.must("n1", "SET CLUSTER c GLOBAL 'pc.bootstrap' = 1")
    bench.must("n2", "SET CLUSTER c GLOBAL 'pc.bootstrap' = 1")
    bench.world.heal()
    bench.advance(60_000)
    bench.must("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    bench.must("n2", "INSERT INTO c:t (id,v) VALUES (2,1)")
    expect([bench.state("n1"), bench.state("n2")]).toEqual(["primary 1 synced", "primary 1 synced"])
    expect([bench.ids("n1"), bench.ids("n2")]).toEqual(["1", "2"])
  })

  it("9: compare-and-set outside of a cluster may have two winners, inside it has one", () => {
    const winners = (table: string, setup: (bench: Bench) => void): number => {
      const bench = new Bench(1, { timings: { localRaceShare: 1 } })
      bench.must("n1", "CREATE TABLE t (v bigint)")
      bench.must("n1", "INSERT INTO t (id,v) VALUES (1,0)")
      setup(bench)
      const sent = [1, 2].map((value) => bench.send("n1", `UPDATE ${table} SET v=${value} WHERE id=1 AND v=0`))
      bench.advance(100)
      return sent.filter(({ answer }) => brief(answer) === "ok 1").length
    }
    expect(winners("t", () => {})).toBe(2)
    expect(
      winners("c:t", (bench) => {
        bench.must("n1", "CREATE CLUSTER c")
        bench.must("n1", "ALTER CLUSTER c ADD t")
      }),
    ).toBe(1)
  })

  it("10: a woken process answers with old rows and says it is primary", () => {
    const bench = new Bench(3).cluster(3)
    bench.world.pause("n3")
    bench.advance(8000)
    bench.must("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    bench.world.resume("n3")
    expect(bench.state("n3")).toBe("primary 3 synced")
    expect(bench.say("n3", "SELECT COUNT(*) FROM t")).toBe("0")
    const write = bench.send("n3", "INSERT INTO c:t (id,v) VALUES (2,1)")
    bench.advance(7000)
    expect(brief(write.answer)).toBe(blocked)
    expect(bench.state("n3")).toBe("primary 3 synced")
    expect(bench.ids("n3")).toBe("1")
  })

  it("15: a node that was away keeps tables that were dropped, as its own", () => {
    const bench = new Bench(3).cluster(3)
    bench.world.stop("n3")
    bench.advance(3000)
    bench.must("n1", "ALTER CLUSTER c DROP t")
    bench.must("n1", "DROP TABLE t")
    bench.world.start("n3")
    bench.advance(4000)
    expect(bench.state("n3")).toBe("primary 3 synced")
    bench.must("n3", "INSERT INTO t (id,v) VALUES (9,9)")
  })

  it("16: a cluster of the same name takes in a node of the old one and overwrites it", () => {
    const bench = new Bench(3)
    bench.must("n1", "CREATE CLUSTER c")
    bench.must("n2", "JOIN CLUSTER c AT 'n1:9312'")
    bench.must("n2", "CREATE TABLE t (v bigint)")
    bench.must("n2", "INSERT INTO t (id,v) VALUES (2,2)")
    bench.must("n2", "ALTER CLUSTER c ADD t")
    bench.world.kill("n2")
    bench.advance(8000)
    bench.must("n1", "DELETE CLUSTER c")
    bench.must("n1", "DROP TABLE t")
    bench.must("n1", "CREATE TABLE t (v bigint)")
    bench.must("n1", "INSERT INTO t (id,v) VALUES (100,1)")
    bench.must("n1", "CREATE CLUSTER c")
    bench.must("n1", "ALTER CLUSTER c ADD t")
    bench.world.start("n2")
    bench.advance(4000)
    expect(bench.state("n2")).toBe("primary 2 synced")
    expect(bench.ids("n2")).toBe("100")
  })

  it("46: after two primaries a restart mixes both histories by number", () => {
    const bench = new Bench(3).cluster(3)
    bench.must("n1", "INSERT INTO c:t (id,v) VALUES (1,1)")
    bench.world.partition([["n1", "n2"], ["n3"]])
    bench.advance(8000)
    bench.must("n3", "SET CLUSTER c GLOBAL 'pc.bootstrap' = 1")
    for (const id of [1000, 1001, 1002, 1003]) bench.must("n1", `INSERT INTO c:t (id,v) VALUES (${id},1)`)
    for (const id of [1500, 1501]) bench.must("n3", `INSERT INTO c:t (id,v) VALUES (${id},3)`)
    bench.world.heal()
    bench.advance(10_000)
    bench.restart("n3")
    bench.advance(4000)
    expect(bench.state("n3")).toBe("primary 3 synced")
    expect(bench.ids("n3")).toBe("1,1002,1003,1500,1501")
    expect(bench.ids("n1")).toBe("1,1000,1001,1002,1003")
  })

  it("47: a table added while a node is away is taken as the node has it", () => {
    const bench = new Bench(3).cluster(3)
    bench.must("n3", "CREATE TABLE loc (v bigint)")
    bench.must("n3", "INSERT INTO loc (id,v) VALUES (77,1)")
    bench.world.partition([["n1", "n2"], ["n3"]])
    bench.advance(8000)
    bench.must("n1", "CREATE TABLE loc (v bigint)")
    bench.must("n1", "INSERT INTO loc (id,v) VALUES (1,1)")
    bench.must("n1", "ALTER CLUSTER c ADD loc")
    bench.must("n1", "INSERT INTO c:loc (id,v) VALUES (2,1)")
    bench.world.heal()
    bench.advance(10_000)
    expect(bench.state("n3")).toBe("primary 3 synced")
    expect(bench.ids("n3", "loc")).toBe("2,77")
    expect(bench.ids("n1", "loc")).toBe("1,2")
  })

  it("48: a table added while a node is away destroys its membership; a restart cures it", () => {
    const bench = new Bench(3).cluster(3)
    bench.world.partition([["n1", "n2"], ["n3"]])
    bench.advance(8000)
    bench.must("n1", "CREATE TABLE m (v bigint)")
    bench.must("n1", "ALTER CLUSTER c ADD m")
    bench.must("n1", "INSERT INTO c:m (id,v) VALUES (1,1)")
    bench.world.heal()
    bench.advance(10_000)
    expect(bench.state("n3")).toBe("non-primary 0 destroyed")
    expect(bench.state("n1")).toBe("primary 2 synced")
    expect(bench.say("n3", "INSERT INTO c:t (id,v) VALUES (1,1)")).toBe(
      "cluster 'c' is not ready, not primary state (destroyed)",
    )
    bench.restart("n3")
    bench.advance(8000)
    expect(bench.state("n3")).toBe("primary 3 synced")
    expect(bench.ids("n3", "m")).toBe("1")
  })

  it("48: DELETE CLUSTER on a destroyed node deletes the cluster everywhere", () => {
    const bench = new Bench(3).cluster(3)
    bench.world.partition([["n1", "n2"], ["n3"]])
    bench.advance(8000)
    bench.must("n1", "CREATE TABLE m (v bigint)")
    bench.must("n1", "ALTER CLUSTER c ADD m")
    bench.world.heal()
    bench.advance(10_000)
    bench.must("n3", "DELETE CLUSTER c")
    expect(["n1", "n2", "n3"].map((node) => bench.state(node))).toEqual(["none", "none", "none"])
  })

  it("49: a table taken out while a node is away keeps it joining for ever; kill and start cure it", () => {
    const bench = new Bench(3).cluster(3)
    bench.world.partition([["n1", "n2"], ["n3"]])
    bench.advance(8000)
    bench.must("n1", "ALTER CLUSTER c DROP t")
    bench.world.heal()
    bench.advance(60_000)
    expect(bench.state("n3")).toBe("primary 3 joining")
    let ended = false
    bench.world.stop("n3", () => {
      ended = true
    })
    bench.advance(20_000)
    expect(ended).toBe(false)
    bench.restart("n3")
    bench.advance(15_000)
    expect(bench.state("n3")).toBe("primary 3 synced")
  })

  it("a shutdown does not end while a write waits for the eviction of a peer that was just killed", () => {
    const bench = new Bench(3).cluster(3)
    let ended = 0
    const stop = (node: string) => bench.world.stop(node, () => ended++)
    bench.world.kill("n3")
    bench.send("n1", "INSERT INTO c:t (id,v) VALUES (5,1)")
    bench.advance(1000)
    stop("n1")
    stop("n2")
    bench.advance(60_000)
    expect(ended).toBe(1)
    bench.restart("n1")
    bench.advance(5000)
    expect(bench.world.isUp("n1")).toBe(true)
  })

  it("44: a refused write can be stored", () => {
    const bench = new Bench(3, {
      timings: {
        refusedButStoredShare: 1,
        mergeMicros: { minMicros: 1, maxMicros: 2 },
        recentMergeMicros: { minMicros: 1, maxMicros: 2 },
      },
    }).cluster(3)
    bench.world.partition([["n1", "n2"], ["n3"]])
    const write = bench.send("n3", "INSERT INTO c:t (id,v) VALUES (5,1)")
    while (write.answer === undefined) bench.queue.step()
    bench.world.heal()
    bench.advance(5000)
    expect(brief(write.answer)).toBe(blocked)
    expect(["n1", "n2", "n3"].map((node) => bench.ids(node))).toEqual(["5", "5", "5"])
  })
})
