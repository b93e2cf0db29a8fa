/**
 * Cold starts of all nodes, in any order: nobody begins a cluster anew while somebody in sync may hold more, and everybody
 * is up in the end.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type CopyOnDisk, decideStart, type GatedGroup, type PeerReport } from "../src/StartGate.ts"

const nodes = ["n1", "n2", "n3", "n4", "n5"]
const copy = (seqno: number | null, history = "h"): CopyOnDisk => ({ history, seqno })
const waiting = (held: CopyOnDisk | null): PeerReport => ({ _tag: "Waiting", copy: held })

const group = (over: Partial<GatedGroup>): GatedGroup => ({
  name: "g",
  own: copy(7),
  inSync: ["n1", "n2"],
  estranged: false,
  reports: new Map(),
  ...over,
})

describe("decideStart", () => {
  it("waits for a member in sync that was not heard of", () => {
    expect(decideStart("n1", [group({})])).toEqual({
      _tag: "Wait",
      reason: "g: n2 was not heard of and may hold more",
    })
  })

  it("begins with the most advanced copy, the first by name among equals", () => {
    const reports = new Map([["n2", waiting(copy(7))]])
    expect(decideStart("n1", [group({ reports })])).toEqual({ _tag: "Start", bootstrap: ["g"], setAside: [] })
    const ahead = new Map([["n2", waiting(copy(8))]])
    expect(decideStart("n1", [group({ reports: ahead })])).toMatchObject({ _tag: "Wait" })
  })

  it("does not begin with a number that nobody knows", () => {
    const reports = new Map([["n2", waiting(copy(null))]])
    expect(decideStart("n1", [group({ reports })])).toMatchObject({
      _tag: "Wait",
      reason: expect.stringMatching(/not known/),
    })
  })

  it("goes back to who serves, unless that is another history", () => {
    const serving = (history: string) => new Map<string, PeerReport>([["n2", { _tag: "Serving", history }]])
    expect(decideStart("n1", [group({ reports: serving("h") })])).toEqual({
      _tag: "Start",
      bootstrap: [],
      setAside: [],
    })
    expect(decideStart("n1", [group({ reports: serving("other") })])).toMatchObject({ setAside: ["g"] })
  })

  it("never trusts a copy that is not in sync, that was left out, or of which no record is known", () => {
    const reports = new Map([["n2", waiting(copy(1))]])
    for (const over of [{ inSync: ["n2"] }, { estranged: true }, { inSync: null }]) {
      expect(decideStart("n1", [group({ reports, own: copy(99), ...over })])).toEqual({
        _tag: "Start",
        bootstrap: [],
        setAside: ["g"],
      })
    }
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
                  .map((peer) => [
                    peer,
                    servedBy.includes(peer) ? { _tag: "Serving", history: "h" } : waiting(held.get(peer) ?? null),
                  ]),
              )
              return own === undefined ? [] : [{ name, own, inSync, estranged: false, reports }]
            })
            const decision = decideStart(node, gated)
            if (decision._tag === "Wait") continue
            up.add(node)
            for (const one of groups) {
              if (!one.held.has(node)) continue
              if (decision.bootstrap.includes(one.name)) {
                expect(one.servedBy).toEqual([])
                expect(one.inSync).toContain(node)
                const most = Math.max(...one.inSync.map((member) => one.held.get(member)?.seqno ?? -1))
                expect(one.held.get(node)?.seqno).toBe(most)
              } else if (decision.setAside.includes(one.name)) {
                continue
              }
              one.servedBy.push(node)
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
