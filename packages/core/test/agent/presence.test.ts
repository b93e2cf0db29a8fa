/**
 * Who came and went too often to be trusted for moves.
 */
import { describe, expect, it } from "vitest"
import { dampedNodes } from "../../src/agent/presence.ts"

const minute = 60_000
const nobody = new Set<string>()
const n1 = new Set(["n1"])

describe("dampedNodes", () => {
  it("damps a node with its third return within the window, until it was quiet", () => {
    const returns = new Map<string, ReadonlyArray<number>>()
    const comesBack = (ms: number) => dampedNodes(returns, n1, nobody, ms)
    expect(comesBack(0)).toEqual(nobody)
    expect(comesBack(minute)).toEqual(nobody)
    expect(comesBack(2 * minute)).toEqual(n1)
    expect(dampedNodes(returns, nobody, nobody, 3 * minute)).toEqual(n1)
    expect(dampedNodes(returns, nobody, nobody, 4.5 * minute)).toEqual(nobody)
  })

  it("forgets returns that are long past", () => {
    const returns = new Map<string, ReadonlyArray<number>>()
    for (const ms of [0, 4 * minute, 8 * minute, 12 * minute]) {
      expect(dampedNodes(returns, n1, nobody, ms)).toEqual(nobody)
    }
    dampedNodes(returns, nobody, nobody, 60 * minute)
    expect(returns.size).toBe(0)
  })

  it("counts returns, not looks", () => {
    const returns = new Map<string, ReadonlyArray<number>>()
    for (let ms = 0; ms < minute; ms += 1000) expect(dampedNodes(returns, n1, n1, ms)).toEqual(nobody)
    expect(returns.size).toBe(0)
  })
})
