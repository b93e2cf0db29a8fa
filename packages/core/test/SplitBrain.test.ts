import { describe, expect, it } from "vitest"
import { splitSides } from "../src/SplitBrain.ts"
import { group, primary, showing } from "./groupViews.ts"

describe("splitSides", () => {
  const apart = showing({ a: primary(3, "a"), b: primary(5, "b", "c"), c: primary(5, "b", "c") })

  it("names the sides of a group whose members are primary without naming each other", () =>
    expect(splitSides(apart, group, new Set())).toEqual([["a"], ["b", "c"]]))

  it("names none where one is named, nor what a node that is away showed", () => {
    expect(splitSides(showing({ a: primary(5, "a", "b"), b: primary(6, "b") }), group, new Set())).toEqual([])
    expect(splitSides(apart, group, new Set(["a"]))).toEqual([])
  })

  it("names none by what a node showed that was forgotten since", () => {
    const forgotten = showing({ a: primary(5, "a", "b"), b: primary(5, "a", "b"), gone: primary(3, "gone") })
    expect(splitSides(forgotten, group, new Set())).toEqual([])
  })

  // Found by chaos, profile cold, seed 210164: the shards of a dropped table stayed for ever.
  it("names none of a group that ends: all of its members leave it", () =>
    expect(splitSides(apart, { ...group, status: "dissolved" }, new Set())).toEqual([]))
})
