/** A checker that cannot fail proves nothing: each of them has a test in this folder that expects a report of it. */
import fs from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { checkers } from "../../src/check/checkers.ts"
import { FakeWorld } from "./FakeWorld.ts"

const tests = fs
  .readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".test.ts") && name !== path.basename(import.meta.filename))
  .map((name) => fs.readFileSync(path.join(import.meta.dirname, name), "utf8"))
const names = checkers.map((make) => new FakeWorld().check(make).name)

describe("checkers", () => {
  it.each(names)("%s has a test in which it fails", (name) => {
    const report = new RegExp(`["'\`/]\\^?${name}: `)
    expect(tests.some((text) => report.test(text))).toBe(true)
  })

  it("have names of their own", () => {
    expect(new Set(names).size).toBe(checkers.length)
  })
})
