/**
 * Cold starts of all nodes, in any order: nobody begins a cluster anew while somebody in sync may hold more, and everybody
 * is up in the end.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type CopyOnDisk, decideGroup, decideStart, type GatedGroup, type PeerReport } from "../src/StartGate.ts"

const nodes = ["n1", "n2", "n3", "n4", "n5"]
const copy = (seqno: number | null, history: string | null = "h"): CopyOnDisk => ({ history, seqno })
const waiting = (held: CopyOnDisk | null): PeerReport => ({ _tag: "Waiting", copy: held })
const serving = (history: string, ...members: ReadonlyArray<string>): PeerReport => ({
  _tag: "Serving",
  history,
  members,
})

const group = (over: Partial<GatedGroup>): GatedGroup => ({
  name: "g",
  own: copy(7),
  inSync: ["n1", "n2"],
  estranged: false,
  reports: new Map(),
  ...over,
})

describe("decideGroup", () => {
  it("waits for a member in sync that was not heard of", () => {
    expect(decideGroup("n1", group({}))).toEqual({
      _tag: "Wait",
      reason: "n2 was not heard of and may hold more",
    })
  })

  it("begins with the most advanced copy, the first by name among equals", () => {
    expect(decideGroup("n1", group({ reports: new Map([["n2", waiting(copy(7))]]) }))._tag).toBe("Begin")
    expect(decideGroup("n1", group({ reports: new Map([["n2", waiting(copy(8))]]) }))._tag).toBe("Yield")
    expect(decideGroup("n1", group({ reports: new Map([["n2", waiting(null)]]) }))._tag).toBe("Begin")
  })

  it("leaves a closed daemon to its next start: for the number of its copy, and to begin", () => {
    const closed = (held: CopyOnDisk): ReadonlyMap<string, PeerReport> =>
      new Map([["n2", { _tag: "Waiting", copy: held, closed: true }]])
    expect(decideGroup("n1", group({ reports: closed(copy(8)) }))).toMatchObject({
      _tag: "Yield",
      to: "n2",
      later: true,
    })
    expect(decideGroup("n1", group({ reports: closed(copy(null)) }))).toMatchObject({
      _tag: "Yield",
      to: null,
      later: true,
    })
    expect(decideGroup("n1", group({ reports: closed(copy(7)) }))._tag).toBe("Begin")
  })

  it("prefers a copy that was stopped to one that was killed, but not to a more advanced one", () => {
    const killed = (seqno: number): CopyOnDisk => ({ ...copy(seqno), unproven: true })
    const stopped = (seqno: number) => new Map([["n2", waiting(copy(seqno))]])
    expect(decideGroup("n1", group({ own: killed(7), reports: stopped(7) }))._tag).toBe("Yield")
    expect(decideGroup("n1", group({ own: killed(8), reports: stopped(7) }))._tag).toBe("Begin")
    expect(decideGroup("n1", group({ own: killed(7), reports: new Map([["n2", waiting(killed(7))]]) }))._tag).toBe(
      "Begin",
    )
  })

  it("has a copy made anew by who serves the group, and not by who waits for a majority", () => {
    const served = new Map([["n2", serving("h", "n2")]])
    expect(decideGroup("n1", group({ anew: true, reports: served }))).toEqual({
      _tag: "Rejoin",
      peers: ["n2"],
      anew: true,
    })
    const open = new Map<string, PeerReport>([["n2", { _tag: "Open" }]])
    expect(decideGroup("n1", group({ anew: true, reports: open }))).toEqual({ _tag: "Rejoin", peers: ["n2"] })
  })

  it("does not begin with a number that nobody knows", () => {
    expect(decideGroup("n1", group({ reports: new Map([["n2", waiting(copy(null))]]) }))).toMatchObject({
      _tag: "Wait",
      reason: expect.stringMatching(/not known/),
    })
  })

  it("takes a copy whose history was thrown away for none", () => {
    const reports = new Map([["n2", waiting(copy(null, null))]])
    expect(decideGroup("n1", group({ reports }))._tag).toBe("Begin")
    expect(decideGroup("n1", group({ own: copy(null, null) }))._tag).toBe("Yield")
    expect(decideGroup("n1", group({ own: copy(null, null), reports: new Map([["n2", serving("h")]]) }))).toEqual({
      _tag: "Rejoin",
      peers: ["n2"],
    })
  })

  it("goes back to who serves, and stays closed beside another history", () => {
    expect(decideGroup("n1", group({ reports: new Map([["n2", serving("h")]]) }))).toEqual({
      _tag: "Rejoin",
      peers: ["n2"],
    })
    expect(decideGroup("n1", group({ reports: new Map([["n2", serving("other")]]) }))._tag).toBe("Close")
  })

  it("does not give up a copy in sync for one that is not and says that it is primary of a view from before", () => {
    const stale = group({ inSync: ["n1"], reports: new Map([["n2", serving("h", "n1", "n2")]]) })
    expect(decideGroup("n1", stale)._tag).toBe("Wait")
    const gone = group({ inSync: ["n1"], reports: new Map([["n2", serving("h", "n2")]]) })
    expect(decideGroup("n1", gone)).toEqual({ _tag: "Rejoin", peers: ["n2"] })
    const behind = group({ inSync: ["n3"], reports: new Map([["n2", serving("h", "n1", "n2")]]) })
    expect(decideGroup("n1", behind)).toEqual({ _tag: "Rejoin", peers: ["n2", "n3"] })
  })

  it("names members in sync that were not heard of beside the one that serves: that one may be leaving", () => {
    const one = group({
      inSync: ["n1", "n2", "n3", "n4"],
      reports: new Map([
        ["n2", serving("h")],
        ["n4", waiting(copy(7))],
      ]),
    })
    expect(decideGroup("n1", one)).toEqual({ _tag: "Rejoin", peers: ["n2", "n3"] })
  })

  it("goes to who waits for a majority, which it may be part of", () => {
    expect(decideGroup("n1", group({ reports: new Map([["n2", { _tag: "Open" }]]) }))).toEqual({
      _tag: "Rejoin",
      peers: ["n2"],
    })
  })

  it("never begins with a copy that is not in sync, or that is out of its group", () => {
    const reports = new Map([["n2", waiting(copy(1))]])
    const ahead = { reports, own: copy(99) }
    expect(decideGroup("n1", group({ ...ahead, inSync: ["n2"] }))._tag).toBe("Yield")
    expect(decideGroup("n1", group({ ...ahead, estranged: true }))._tag).toBe("SetAside")
    expect(decideGroup("n1", group({ ...ahead, inSync: null }))._tag).toBe("Leave")
  })
})

describe("decideStart", () => {
  it("starts closed at once beside a closed daemon that is to begin, and says that it yields", () => {
    const patience = { begins: false, patience: { silent: true, beginners: true } }
    const beside = (seqno: number | null) =>
      group({ reports: new Map([["n2", { _tag: "Waiting", copy: copy(seqno), closed: true }]]) })
    const closedAs = (seqno: number | null) => {
      const decision = decideStart("n1", [beside(seqno)], patience)
      return decision._tag === "Start" ? decision.entries.get("g") : decision
    }
    expect(closedAs(8)).toMatchObject({ _tag: "Close", yields: true })
    expect(closedAs(null)).toEqual({ _tag: "Close", reason: "the number of the copy on n2 is not known" })
  })

  const patient = { begins: false, patience: { silent: true, beginners: true } }
  const impatient = { begins: false, patience: { silent: false, beginners: true } }

  it("waits while a copy may be needed, for so long, and then keeps it closed", () => {
    expect(decideStart("n1", [group({})], patient)._tag).toBe("Wait")
    expect(decideStart("n1", [group({})], impatient)).toEqual({
      _tag: "Start",
      entries: new Map([["g", { _tag: "Close", reason: "n2 was not heard of and may hold more" }]]),
    })
  })

  it("does not wait for others to begin if they may wait for it", () => {
    const yields = group({ reports: new Map([["n2", waiting(copy(8))]]) })
    const begins = group({ name: "h", reports: new Map([["n2", waiting(copy(6))]]) })
    expect(decideStart("n1", [yields], impatient)._tag).toBe("Wait")
    for (const decision of [
      decideStart("n1", [yields, begins], patient),
      decideStart("n1", [yields], { ...patient, begins: true }),
    ]) {
      expect(decision).toMatchObject({ _tag: "Start" })
      expect(decision._tag === "Start" && decision.entries.get("g")?._tag).toBe("Close")
    }
    // The other way round it is n1 that goes first.
    const mirrored = [yields, begins].map((one) => ({
      ...one,
      reports: new Map([["n1", one.reports.get("n2") ?? waiting(null)]]),
    }))
    expect(decideStart("n2", mirrored, patient)._tag).toBe("Wait")
  })

  it("elects the most advanced copy in sync, once, and lets everybody up, in any order", () => {
    const anyGroup = fc.record({
      inSync: fc.subarray(nodes, { minLength: 1, maxLength: 3 }),
      behind: fc.subarray(nodes, { maxLength: 2 }),
      seqnos: fc.array(fc.nat(5), { minLength: 5, maxLength: 5 }),
    })
    const anyOrder = fc.shuffledSubarray(nodes, { minLength: 5, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(anyGroup, { minLength: 1, maxLength: 4 }), anyOrder, (drawn, order) => {
        const groups = drawn.map(({ inSync, behind, seqnos }, index) => ({
          name: `g${index}`,
          inSync,
          held: new Map(
            nodes.flatMap((node, at) =>
              inSync.includes(node) || behind.includes(node) ? [[node, copy(seqnos[at] ?? 0)] as const] : [],
            ),
          ),
          servedBy: [] as Array<string>,
        }))
        const up = new Set<string>()
        const heard: Array<string> = []
        const round = () => {
          for (const node of heard) {
            if (up.has(node)) continue
            const gated = groups.flatMap(({ name, inSync, held, servedBy }) => {
              const own = held.get(node)
              const reports = new Map<string, PeerReport>(
                heard
                  .filter((peer) => peer !== node)
                  .map((peer) => [peer, servedBy.includes(peer) ? serving("h") : waiting(held.get(peer) ?? null)]),
              )
              return own === undefined ? [] : [{ name, own, inSync, estranged: false, reports }]
            })
            const decision = decideStart(node, gated, patient)
            if (decision._tag === "Wait") continue
            up.add(node)
            for (const one of groups) {
              const change = decision.entries.get(one.name)?._tag
              if (change === "Begin") {
                expect(one.servedBy).toEqual([])
                expect(one.inSync).toContain(node)
                const most = Math.max(...one.inSync.map((member) => one.held.get(member)?.seqno ?? -1))
                expect(one.held.get(node)?.seqno).toBe(most)
              }
              if (change === "Begin" || change === "Rejoin") one.servedBy.push(node)
            }
          }
        }
        for (const node of order) {
          heard.push(node)
          round()
        }
        for (let again = 0; again < nodes.length; again++) round()
        expect([...up].toSorted()).toEqual(nodes)
        for (const { inSync, servedBy } of groups) expect(servedBy.some((node) => inSync.includes(node))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
