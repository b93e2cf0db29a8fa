/**
 * An operator's word on a node that has survived: the registered nodes that are not heard of are gone for good. See core's
 * `recoverCoordination`; this gives it the ports of the node, beside its runner or without one.
 */
import { recoverCoordination } from "@shardwright/core/gate/recoverCoordination"
import { Peers } from "@shardwright/core/gate/Peers"
import { recallSeen } from "@shardwright/core/gate/RunnerMemory"
import { NodeFiles } from "@shardwright/core/NodeFiles"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Config } from "./Config.ts"
import type { Log } from "./Log.ts"
import { openNode } from "./runNode.ts"

/** What is found on the node. */
export interface Survivors {
  readonly node: string
  readonly registered: ReadonlyArray<string>
  /** Nodes whose runners answer. */
  readonly heard: ReadonlyArray<string>
  /** Those that would be declared gone. */
  readonly missing: ReadonlyArray<string>
}

/** Looks who is there, and unless it is a dry run declares the others gone. Fails if that is not needed, or cannot be. */
export const recoverNode = Effect.fnUntraced(function* (options: {
  readonly config: Config
  readonly log: Log
  readonly dryRun: boolean
}) {
  const { config, dryRun, log } = options
  const { identity, ports } = yield* openNode({ config, log })
  const { node } = identity
  const { registered } = yield* recallSeen(Context.get(ports, NodeFiles))
  const peers = Context.get(ports, Peers)
  const others = registered.filter((other) => other !== node)
  const reports = yield* Effect.forEach(others, peers.report, { concurrency: "unbounded" })
  const heard = others.filter((_, index) => reports[index] !== undefined)
  const missing = dryRun
    ? others.filter((other) => !heard.includes(other))
    : yield* Effect.provideContext(recoverCoordination({ node, config: config.engine }), ports)
  const survivors: Survivors = { node, registered, heard, missing }
  return survivors
}, Effect.scoped)
