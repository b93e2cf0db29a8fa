/**
 * Draws a scenario from a seed: an installation, tables, writers, requests, and faults. The result is a scenario like any
 * other, so whatever fails can be written to a file, replayed and made smaller.
 *
 * Faults meet work: each comes due after a step of an operation has begun, or at a time of its own. They are carried out
 * one at a time (see `FaultBudget`), each ends by itself, and everything is whole at the end.
 */
import * as Duration from "effect/Duration"
import { RandomStream } from "../runtime/RandomStream.ts"
import type { NodeDeclaration, Scenario, TableSpec, TimelineEntry, Trigger, Workload } from "../scenario/Scenario.ts"
import { drawFault, type Surroundings } from "./drawFault.ts"
import { copiesNeeded, drawRareHazards, drawRareKinds } from "./drawRare.ts"
import { drawRequests, drawTable } from "./drawRequests.ts"
import { type FaultKind, type Profile, type Range, takesAway } from "./Profile.ts"

const drawRange = (random: RandomStream, range: Range): number => random.int(range.min, range.max)

/** Shorter than by default: a seed has no time to lose. Longer than it takes to evict, to promote and to come back. */
const graceMs: Range = { min: 25_000, max: 40_000 }
/** Shorter as well, and longer than any step takes that goes on. */
const operationTimeoutMs: Range = { min: 65_000, max: 90_000 }
/** Shares of the faults that wait for a step, and for a state transfer. */
const stepShare = 0.7
const transferShare = 0.1
/** When a fault begins that waits for nothing, or has waited in vain. */
const faultMs: Range = { min: 1_000, max: 35_000 }
/** How long after a step has begun. */
const afterStepMs: Range = { min: 0, max: 1_500 }

/** Steps that every creation has. They come for certain, as nothing is disturbed before the first fault. */
const stepsOfCreation = ["CreateShard", "PublishWrapper", "SwapWrapper", "CommitLayout"] as const
const otherSteps = [
  "CreateGroup",
  "JoinGroup",
  "AttachShard",
  "VerifyReplica",
  "ExitGroup",
  "CompareCopy",
  "DropShard",
  "DetachShard",
  "PromoteGroup",
  "ConfirmWrappers",
] as const

const drawMoment = (random: RandomStream, isFirst: boolean): Trigger => {
  const atLatest = Duration.millis(drawRange(random, faultMs))
  // The first one is to meet its step for certain, however short that is.
  const plus = isFirst ? Duration.zero : Duration.millis(drawRange(random, afterStepMs))
  if (isFirst || random.chance(stepShare)) {
    const step = random.pick(isFirst ? stepsOfCreation : [...stepsOfCreation, ...otherSteps]) ?? "CreateShard"
    const sighting = { _tag: "StepSeen", step, is: "started", node: null, undo: null } as const
    const count = isFirst ? 1 : random.int(1, 4)
    return { _tag: "After", sighting, count, plus, atLatest: isFirst ? Duration.millis(faultMs.max) : atLatest }
  }
  if (!random.chance(transferShare)) return { _tag: "At", at: atLatest }
  return { ...afterTransfer(plus), atLatest }
}

/** A state transfer has begun: the moment to take one of its ends away. */
const afterTransfer = (plus: Duration.Duration) =>
  ({
    _tag: "After",
    sighting: {
      _tag: "TransferSeen",
      transfer: "started",
      what: "all-tables",
      outcome: null,
      cluster: null,
      node: null,
    },
    count: 1,
    plus,
  }) as const

/** The first fault does not wait for a moment in which a node may be taken away: it would miss its step. */
const firstOf = (kinds: ReadonlyArray<FaultKind>): ReadonlyArray<FaultKind> =>
  kinds.filter((kind) => !takesAway.has(kind))

const drawFaults = (
  random: RandomStream,
  profile: Profile,
  kinds: ReadonlyArray<FaultKind>,
  surroundings: Surroundings,
): ReadonlyArray<TimelineEntry> =>
  Array.from({ length: drawRange(random, profile.faults) }, (_, index) => {
    const drawn = random.pick(index === 0 ? firstOf(kinds) : kinds) ?? "slow"
    // Where all nodes may go down at once, they do so in each seed.
    const kind = index === 1 && profile.faultKinds.includes("cold-start") ? "cold-start" : drawn
    const { fault, lasts } = drawFault(random, kind, surroundings)
    const moment = drawMoment(random, index === 0)
    const isEndOfTransfer = index > 0 && (kind === "donor-dies" || kind === "joiner-dies")
    const when: Trigger = isEndOfTransfer
      ? { ...afterTransfer(Duration.millis(random.int(0, 60))), atLatest: Duration.millis(faultMs.max) }
      : moment
    return { when, act: fault, course: { probability: null, repeat: null, lasts } }
  })

/** Writers of a table: some who write much at the beginning, and one who never stops. */
const drawWorkloads = (random: RandomStream, table: TableSpec, share: number): ReadonlyArray<Workload> => {
  const workload = (writers: number, everyMs: number, until: Duration.Duration | null): Workload => ({
    table: table.name,
    writers,
    every: Duration.millis(everyMs),
    from: Duration.zero,
    until,
    mix: {
      insert: random.int(20, 80),
      replace: random.int(0, 20),
      update: random.int(0, 20),
      delete: random.int(0, 15),
    },
    rows: random.chance(0.6) ? 1 : random.int(2, 4),
    timeout: Duration.seconds(random.int(2, 20)),
    through: null,
    reads: null,
  })
  const steady = workload(random.int(1, 2), random.int(60, 150) * share, null)
  return [
    workload(random.int(1, 3), random.int(20, 60) * share, Duration.millis(random.int(5_000, 15_000))),
    { ...steady, reads: random.chance(0.5) ? { readers: 1, every: Duration.millis(random.int(400, 1000)) } : null },
  ]
}

/**
 * Draws what nodes are like. There are two zones, of two nodes or more each, so that one of a zone may go; with three nodes
 * there are none.
 */
const drawTraits = (random: RandomStream, { capacity, unevenness }: Profile, nodeCount: number) => {
  const zoned = nodeCount > 3 && random.chance(unevenness)
  const weighed = random.chance(unevenness)
  const bounded = random.chance(unevenness)
  return (name: string, index: number): NodeDeclaration => ({
    name,
    zone: zoned ? (index % 2 === 0 ? "east" : "west") : null,
    weight: weighed ? (random.pick([0.5, 1, 2]) ?? 1) : 1,
    ...(bounded ? { capacity: drawRange(random, capacity) } : {}),
  })
}

/** The scenario of a seed. */
export const drawScenario = (seed: number, profile: Profile): Scenario => {
  const random = new RandomStream(seed).stream(`chaos ${profile.name}`)
  const shape = random.stream("shape")
  const nodeCount = drawRange(shape, profile.nodes)
  const spareCount = drawRange(shape, profile.spares)
  const names = Array.from({ length: nodeCount + spareCount }, (_, index) => `n${index + 1}`)
  const nodes = names.slice(0, nodeCount)
  const spares = names.slice(nodeCount)
  const rareStream = random.stream("rare")
  const rareKinds = drawRareKinds(rareStream, profile.rareKinds, nodeCount)
  const leastRf = copiesNeeded(rareKinds)
  const bounded = {
    ...profile,
    rf: { ...profile.rf, min: Math.max(leastRf, profile.rf.min) },
    // Nothing is taken over of which a node does not come back.
    requestKinds: profile.requestKinds.filter((kind) => leastRf < 2 || kind !== "adopt"),
  }
  const tables = Array.from({ length: drawRange(shape, profile.tables) }, (_, index) =>
    drawTable(shape, bounded, `t${index + 1}`, nodeCount),
  )
  const settings = random.stream("settings")
  const grace = drawRange(settings, graceMs)
  const busyMs = settings.pick([250, 500, 1000]) ?? 250
  const timeout = drawRange(settings, operationTimeoutMs)
  const groupsPerNode = settings.pick([1, 2, 8]) ?? 8
  const swarm = random.stream("swarm")
  const drawn = profile.faultKinds.filter(() => swarm.chance(profile.swarm))
  const kinds = firstOf(drawn).length === 0 ? profile.faultKinds : drawn
  const requests = drawRequests(random.stream("requests"), bounded, { nodes, spares, tables })
  const faults = drawFaults(random.stream("faults"), profile, kinds, { nodes, graceMs: grace })
  const made = requests.flatMap(({ act }) => (act._tag === "Create" ? [act.table.name] : []))
  const rare = drawRareHazards(rareStream, rareKinds, {
    nodes,
    tables,
    made,
    timeline: requests,
    graceMs: grace,
  })
  const workload = random.stream("workload")
  const maxOperations = random.stream("operations").pick([1, 2, 4]) ?? 4
  const declare = drawTraits(random.stream("traits"), profile, nodeCount)
  return {
    version: 1,
    name: `chaos-${profile.name}-${seed}`,
    about: `Drawn from seed ${seed} by the chaos profile ${profile.name}.`,
    covers: [],
    seed,
    engine: "shardwright",
    without: [],
    cluster: {
      coordination: "c",
      nodes: nodes.map(declare),
      spares: spares.map((name, index) => declare(name, nodeCount + index)),
      threads: null,
      // As in production: a daemon is started by the runner beside it (safety rule 14), so that last copies may go, too.
      gate: true,
    },
    settings: {
      gracePeriod: Duration.millis(grace),
      busyTick: Duration.millis(busyMs),
      operationTimeout: Duration.millis(timeout),
      groupsPerNode,
      maxOperations,
    },
    tables,
    workloads: tables.flatMap((table) => drawWorkloads(workload, table, tables.length)),
    timeline: [...requests, ...faults, ...rare],
    expect: { violation: null, eventually: [], always: [], final: [], sometimes: [], never: [], thresholds: [] },
    quiesce: Duration.minutes(6),
    until: Duration.minutes(30),
  }
}
