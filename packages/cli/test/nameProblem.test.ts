/** Protects clusters from a first node that nobody could join: the default configuration of daemons names them after loopback. */
import { describe, expect, it } from "@effect/vitest"
import { nameProblem } from "../src/connected/clusterCommands.ts"

describe("the name of a node", () => {
  it("must not be on loopback if the node is reached from elsewhere", () => {
    expect(nameProblem("127.0.0.1:9312", "10.0.0.1:9306")).toContain("give it listen = 10.0.0.1:9312 in place of that")
    expect(nameProblem("localhost:9312", "[fd00::1]:9306")).toContain("give it listen = [fd00::1]:9312")
  })

  it("may be on loopback on one machine, and anything else", () => {
    expect(nameProblem("127.0.0.1:9312", "127.0.0.1:9306")).toBeUndefined()
    expect(nameProblem("10.0.0.1:9312", "10.0.0.1:9306")).toBeUndefined()
    expect(nameProblem("n1:9312", "127.0.0.1:9306")).toBeUndefined()
  })
})
