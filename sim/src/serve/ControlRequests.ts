/**
 * What the HTTP control understands: each request with its fields, and what it does to the world. The faults are those of
 * scenarios, in the same words.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { healables } from "../scenario/Fault.ts"
import { courseFrom, faultFrom } from "../scenario/FaultCodec.ts"
import { chances, faultKeys, faultsWith, lasts } from "../scenario/FaultSource.ts"
import { flag, Length, oneOf, parseDuration, Pattern, whole } from "../scenario/ScalarSchemas.ts"
import type { Daemon } from "../world/Daemon.ts"
import type { StartFlags } from "../world/SimulatedCluster.ts"
import type { World } from "../world/World.ts"
import type { ServedFaults } from "./ServedFaults.ts"

/** What keeps a request that is well-formed from being carried out. */
export interface Refusal {
  readonly status: 404 | 409
  readonly message: string
}

/** A request: the schema of its body, and the act. */
export interface ControlRequest<Body> {
  readonly body: Schema.Codec<Body, unknown>
  readonly act: (served: ControlledWorld, body: Body) => Refusal | undefined
}

/** The world and its faults. */
export interface ControlledWorld {
  readonly world: World
  readonly faults: ServedFaults
}

/** What a daemon is doing. */
export type DaemonState = "down" | "starting" | "up" | "paused" | "stopping"

/** What the daemon of a node is doing. */
export const daemonState = (world: World, node: string): DaemonState => {
  const daemon: Daemon | undefined = world.hosts.get(node)?.daemon
  if (daemon === undefined) return "down"
  if (daemon.paused) return "paused"
  if (daemon.accepting) return "up"
  return daemon.upSinceMicros > 0 ? "stopping" : "starting"
}

const said = (expected: string) => ({ expected, cure: null })
const node = Schema.String.annotate(said("the name of a node, such as n1"))
const nodesMax = 1_000

const unknownNodes = (world: World, names: Iterable<string>): Refusal | undefined => {
  for (const name of names) {
    if (!world.hosts.has(name)) {
      const known = [...world.hosts.keys()].join(", ")
      return { status: 404, message: `there is no node '${name}'; the nodes are ${known}` }
    }
  }
  return undefined
}

/** A request on one node that is possible in some states of its daemon only. */
const onDaemon = <Body extends { readonly node: string }>(
  body: Schema.Codec<Body, unknown>,
  states: ReadonlyArray<DaemonState>,
  act: (world: World, body: Body) => void,
): ControlRequest<Body> => ({
  body,
  act: ({ world }, request) => {
    const problem = unknownNodes(world, [request.node])
    if (problem !== undefined) return problem
    const state = daemonState(world, request.node)
    if (!states.includes(state)) {
      return { status: 409, message: `the daemon of ${request.node} is ${state}; expected ${states.join(" or ")}` }
    }
    act(world, request)
    return undefined
  },
})

const JustNode = Schema.Struct({ node })
const Start = Schema.Struct({
  node,
  flags: Schema.optionalKey(
    Schema.Struct({
      newCluster: Schema.optionalKey(flag),
      newClusterForce: Schema.optionalKey(flag),
      threads: Schema.optionalKey(whole(1, 1_024)),
    }),
  ),
})
const Partition = Schema.Struct({
  groups: Schema.Array(Schema.Array(node).annotate(said("a list of nodes")))
    .check(Schema.isMaxLength(nodesMax))
    .annotate(said('lists of nodes, such as [["n1"], ["n2", "n3"]]')),
})
const Cut = Schema.Struct({ from: node, to: node, symmetric: Schema.optionalKey(flag) })
const Heal = Schema.Struct({ what: Schema.optionalKey(oneOf(healables)) })
/** In scenarios the same is found by `ReferenceChecks`. */
const endsSomeTime = Schema.makeFilter<Readonly<Record<string, unknown>>>(
  ({ every, times, until }) =>
    every === undefined ||
    times !== undefined ||
    until !== undefined ||
    new SchemaIssue.InvalidValue({
      message: "the fault would come due again and again for ever",
      expected: "`times` or `until` beside `every`",
      cure: "add `until: 1m` or `times: 5`",
    }),
)
const FaultRequest = Schema.Union([
  ...faultsWith({
    lasting: { ...chances, ...lasts },
    momentary: chances,
    check: endsSomeTime,
  }),
]).annotate({
  expected: `one fault as in scenarios, with \`for\`, \`probability\`, \`every\`, \`times\` and \`until\` if wanted: one of ${faultKeys.join(", ")}`,
})
const Slow = Schema.Struct({
  node: Schema.optionalKey(node),
  pattern: Pattern,
  by: Length,
  times: Schema.optionalKey(whole(1, 1_000_000)),
})
const MakeDirectory = Schema.Struct({
  node,
  directory: Schema.String.annotate(said("the name of a directory below the daemon's data directory")).check(
    Schema.isPattern(/^(?!\.{1,2}(?:\/|$))[^/\0][^\0]{0,254}$/u, said("a relative path of at most 255 characters")),
  ),
})

const alive: ReadonlyArray<DaemonState> = ["starting", "up", "paused", "stopping"]

/** The requests by path. */
export const controlRequests = {
  "/kill": onDaemon(JustNode, alive, (world, body) => world.kill(body.node)),
  "/start": onDaemon(Start, ["down"], (world, body) => world.start(body.node, startFlags(body))),
  "/stop": onDaemon(JustNode, ["starting", "up"], (world, body) => world.stop(body.node)),
  "/pause": onDaemon(JustNode, ["starting", "up", "stopping"], (world, body) => world.pause(body.node)),
  "/resume": onDaemon(JustNode, ["paused"], (world, body) => world.resume(body.node)),
  "/partition": {
    body: Partition,
    act: ({ world, faults }, { groups }) => {
      const problem = unknownNodes(world, groups.flat())
      if (problem === undefined) faults.injector.links.partition(groups)
      return problem
    },
  } satisfies ControlRequest<typeof Partition.Type>,
  "/cut": {
    body: Cut,
    act: ({ world, faults }, { from, to, symmetric }) => {
      const problem = unknownNodes(world, [from, to])
      if (problem === undefined) faults.injector.links.cut({ from: [from], to: [to], symmetric: symmetric ?? false })
      return problem
    },
  } satisfies ControlRequest<typeof Cut.Type>,
  "/fault": {
    body: FaultRequest,
    act: ({ faults }, body) => {
      const fault = faultFrom(body)
      const problem = faults.problem(fault)
      if (problem === undefined) faults.begin(fault, courseFrom(body))
      return problem
    },
  } satisfies ControlRequest<typeof FaultRequest.Type>,
  "/heal": {
    body: Heal,
    act: ({ faults }, { what = "all" }) => {
      faults.injector.heal(what)
      return undefined
    },
  } satisfies ControlRequest<typeof Heal.Type>,
  "/slow": {
    body: Slow,
    act: ({ world, faults }, { node: place, pattern, by, times }) => {
      const problem = unknownNodes(world, place === undefined ? [] : [place])
      if (problem !== undefined) return problem
      const occasions = { node: place ?? null, times: times ?? null, share: null }
      const length = parseDuration(by) ?? Duration.zero
      faults.begin({ _tag: "Slow", statement: null, pattern, by: length, ...occasions }, null)
      return undefined
    },
  } satisfies ControlRequest<typeof Slow.Type>,
  "/mkdir": {
    body: MakeDirectory,
    act: ({ world }, body) => {
      const problem = unknownNodes(world, [body.node])
      if (problem === undefined) world.makeDirectory(body.node, body.directory)
      return problem
    },
  } satisfies ControlRequest<typeof MakeDirectory.Type>,
}

const startFlags = (body: typeof Start.Type): StartFlags => body.flags ?? {}
