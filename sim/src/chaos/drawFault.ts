/**
 * Draws one fault of a kind: what happens, where, for how long. Where it hits, chosen when it happens, is one node for
 * most of them; that faults do not come on top of each other is for the budget to see to (`FaultBudget`).
 */
import * as Duration from "effect/Duration"
import type { RandomStream } from "../runtime/RandomStream.ts"
import type { Fault, Span, Target } from "../scenario/Fault.ts"
import type { FaultKind, Range } from "./Profile.ts"

/** A fault, and how long it lasts. */
export interface DrawnFault {
  readonly kind: FaultKind
  readonly fault: Fault
  /** Null: it is over at once. */
  readonly lasts: Span | null
}

/** What is to be known of the installation. */
export interface Surroundings {
  /** Nodes that are members from the beginning. */
  readonly nodes: ReadonlyArray<string>
  /** The grace period of the scenario, in milliseconds. */
  readonly graceMs: number
}

/** Share of the faults that hit the node whose agent leads: much depends on it, and it is one of many. */
const leaderShare = 0.35

/** Lengths in milliseconds. Members are evicted after 5.5 to 6.5 s: shorter faults are blips, longer ones are noticed. */
const blipMs: Range = { min: 200, max: 5_000 }
const outageMs: Range = { min: 5_500, max: 16_000 }

const drawRange = (random: RandomStream, { min, max }: Range): number => random.int(min, max)

const exactly = (ms: number): Span => ({ min: Duration.millis(ms), max: Duration.millis(ms) })

/** What engine and clients send, as far as it is worth to disturb. */
const statements = [
  "JOIN CLUSTER",
  "EXIT CLUSTER",
  "DELETE CLUSTER",
  "CREATE CLUSTER",
  "ALTER CLUSTER",
  "CREATE TABLE",
  "DROP TABLE",
  "pc.bootstrap",
  "INSERT",
  "UPDATE",
  "SELECT",
  "SHOW STATUS",
]
/** Statements that change something: of those it matters whether they took effect. */
const changes = statements.slice(0, 10)

/** Draws a fault of this kind. */
export const drawFault = (random: RandomStream, kind: FaultKind, { nodes, graceMs }: Surroundings): DrawnFault => {
  const one: Target = random.chance(leaderShare) ? "leader" : "one"
  const shortMs = drawRange(random, random.chance(0.4) ? blipMs : outageMs)
  const drawn = (fault: Fault, ms: number | null = shortMs): DrawnFault => ({
    kind,
    fault,
    lasts: ms === null ? null : exactly(ms),
  })
  const places = { node: random.chance(0.5) ? one : null, times: null, share: null }
  const some = (among: ReadonlyArray<string>) => ({
    ...places,
    statement: random.pick(among) ?? "UPDATE",
    pattern: null,
    ...(random.chance(0.5) ? { times: random.int(1, 5) } : { share: random.int(1, 6) / 10 }),
  })
  const from = { from: one, to: null, symmetric: true }
  switch (kind) {
    case "agent-kill":
      return drawn({ _tag: "Kill", node: one, what: "agent" })
    case "agent-pause":
      return drawn({ _tag: "Pause", node: one, what: "agent" }, random.int(1_000, 25_000))
    case "agent-stop":
      return drawn({ _tag: "Stop", node: one, what: "agent" })
    case "daemon-kill":
      return drawn({ _tag: "Kill", node: one, what: "daemon" })
    case "daemon-pause":
      return drawn({ _tag: "Pause", node: one, what: "daemon" })
    case "daemon-stop":
      return drawn({ _tag: "Stop", node: one, what: "daemon" }, shortMs + 6_000)
    case "daemon-restart":
      return drawn({ _tag: "Kill", node: one, what: "daemon" }, random.int(100, 1_500))
    case "host-kill":
      return drawn({ _tag: "Kill", node: one, what: "host" })
    case "host-pause":
      return drawn({ _tag: "Pause", node: one, what: "host" })
    case "long-outage":
      return drawn({ _tag: "Kill", node: one, what: "host" }, graceMs + random.int(5_000, 20_000))
    case "donor-dies":
      return drawn({ _tag: "Kill", node: "donor", what: "daemon" })
    case "joiner-dies":
      return drawn({ _tag: "Kill", node: "joiner", what: random.chance(0.5) ? "daemon" : "host" })
    case "partition":
      return drawn({
        _tag: "Partition",
        groups: [nodes.length >= 5 && random.chance(0.3) ? "minority" : [aNode(random, nodes)]],
      })
    case "cut":
      return drawn({ _tag: "Cut", from: one, to: random.chance(0.5) ? "one" : null, symmetric: true })
    case "cut-one-way":
      return drawn({ _tag: "Cut", from: one, to: random.chance(0.5) ? "one" : null, symmetric: false })
    case "flap":
      return drawn({ _tag: "Flap", ...from, every: Duration.millis(random.int(300, 7_000)) }, random.int(4_000, 20_000))
    case "ring":
      // Of three nodes each has but two neighbours: a ring of them lacks nothing.
      if (nodes.length < 4) return drawn({ _tag: "Flap", ...from, every: Duration.millis(700) })
      return drawn({ _tag: "Ring", nodes: "all" }, drawRange(random, blipMs))
    case "swizzle":
      return drawn(
        {
          _tag: "Swizzle",
          nodes: nodes.length >= 5 ? "minority" : "one",
          step: Duration.millis(random.int(200, 3_000)),
        },
        random.int(4_000, 15_000),
      )
    case "bad-link":
      return drawn({
        _tag: "Link",
        ...from,
        latency: Duration.millis(random.int(0, 200)),
        loss: random.int(0, 30) / 100,
      })
    case "slow": {
      const which = some(statements)
      const often = /UPDATE|INSERT|SELECT|SHOW/.test(which.statement)
      return drawn({
        _tag: "Slow",
        ...which,
        by: Duration.millis(often ? random.int(20, 800) : random.int(500, 20_000)),
      })
    }
    case "error":
      return drawn({ _tag: "StatementError", ...some(statements), errno: 1064, message: "fault injected" })
    case "disconnect-before":
      return drawn({ _tag: "Disconnect", ...some(changes), when: "before" })
    case "disconnect-during":
      return drawn({ _tag: "Disconnect", ...some(changes), when: "during" })
    case "disconnect-after":
      return drawn({ _tag: "Disconnect", ...some(changes), when: "after" })
    case "lost-reply":
      return drawn({ _tag: "LoseReply", ...some(changes) })
    case "disk-full":
      return drawn({ _tag: "DiskFull", node: one, times: null, share: null })
    case "slow-disk":
      return drawn({ _tag: "SlowDisk", node: one, times: null, share: null, by: Duration.millis(random.int(20, 600)) })
    case "slow-transfer":
      return drawn({ _tag: "SlowTransfer", ...places, factor: random.int(2, 100) })
    case "fail-transfer":
      return drawn({ _tag: "FailTransfer", node: one, times: random.int(1, 3), share: null })
    case "replication-ports":
      return drawn({ _tag: "ReplicationPorts", node: one, count: random.int(0, 8) })
    case "server-id":
      return drawn({ _tag: "ServerId", node: "all", id: random.int(0, 127) })
    case "clock-jump": {
      const ms = random.int(1_000, 7_200_000)
      return drawn({ _tag: "ClockJump", node: one, byMs: random.chance(0.5) ? ms : -ms })
    }
    case "cold-start":
      return drawn(
        { _tag: random.chance(0.6) ? "Kill" : "Stop", node: "all", what: random.chance(0.5) ? "daemon" : "host" },
        random.int(8_000, 30_000),
      )
    case "clock-skew":
      return drawn({ _tag: "ClockSkew", node: one, rate: random.int(90, 110) / 100 })
  }
}

const aNode = (random: RandomStream, nodes: ReadonlyArray<string>): string =>
  random.chance(leaderShare) ? "leader" : (random.pick(nodes) ?? "n1")
