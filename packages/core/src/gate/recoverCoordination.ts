/**
 * An operator's word that the nodes which are not heard of are gone, when the coordination cluster cannot go on without them
 * (safety rule 16). Nothing else ever recovers it: who lost sight of a majority cannot know whether that goes on without it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DaemonControl } from "../DaemonControl.ts"
import type { EngineConfig } from "../EngineConfig.ts"
import { failureOf } from "../ErrorClass.ts"
import { journal } from "../Journal.ts"
import { Manticore } from "../Manticore.ts"
import { NodeFiles } from "../NodeFiles.ts"
import { isPrimary, observedGroups } from "../Observe.ts"
import * as Sql from "../Sql.ts"
import { Key, Registry } from "../State.ts"
import * as StateStore from "../StateStore.ts"
import { type NodeReport, Peers } from "./Peers.ts"
import { recallGate, recallSeen, rememberGate } from "./RunnerMemory.ts"

/** The coordination cluster was not recovered; `message` says what was expected and what was found. */
export class RecoveryError extends Schema.TaggedError<RecoveryError>()("RecoveryError", { message: Schema.String }) {}

/** On which node, which is to be one that has survived. */
export interface RecoveryOptions {
  readonly node: string
  readonly config: EngineConfig
}

/** How long a start that was waiting may take, and the pause between looks. */
const looksMax = 120
const lookPause = Duration.seconds(1)

const fail = (message: string) => new RecoveryError({ message })

/**
 * Makes the coordination cluster primary with the nodes that are heard of, and fences the others under a new epoch: they do
 * nothing until they have joined again. For a daemon that waits for them at its gate, this ends the waiting. What the others
 * have acknowledged alone is lost. Answers the nodes that are fenced.
 */
export const recoverCoordination = Effect.fnUntraced(function* (options: RecoveryOptions) {
  const { node, config } = options
  const control = yield* DaemonControl
  const files = yield* NodeFiles
  const { registered } = yield* recallSeen(files)
  const reports = yield* reportsOf(registered.filter((other) => other !== node))
  const served = [...reports].find(([, { clusters }]) => clusters.get(config.coordination)?.is === "serving")
  if (served !== undefined) return yield* fail(`${served[0]} serves ${config.coordination}: nothing is to be recovered`)
  const missing = registered.filter((other) => other !== node && !reports.has(other))
  if (missing.length === 0)
    return yield* fail(`all registered nodes are there: ${config.coordination} comes back by itself`)
  if (yield* control.isRunning) yield* bootstrap(options, registered, reports)
  else yield* Effect.ignore(rememberGate(files, { ...(yield* recallGate(files)), overruled: true }))
  yield* untilPrimary(options)
  yield* fence(options, missing)
  yield* journal({ kind: "finding", node, code: "coordination-recovered", detail: `without ${missing.join(", ")}` })
  return missing
})

const reportsOf = Effect.fnUntraced(function* (nodes: ReadonlyArray<string>) {
  const peers = yield* Peers
  const answers = yield* Effect.forEach(
    nodes,
    (other) => Effect.map(peers.report(other), (report) => [other, report] as const),
    { concurrency: "unbounded" },
  )
  return new Map<string, NodeReport>(
    answers.flatMap(([other, report]) => (report === undefined ? [] : [[other, report] as const])),
  )
})

const ownCoordination = Effect.fnUntraced(function* ({ node, config }: RecoveryOptions) {
  const manticore = yield* Manticore
  return observedGroups(yield* manticore.query(node, Sql.showClusters, config.statementTimeout))?.get(
    config.coordination,
  )
})

/** Makes the part of the cluster primary that the own daemon is in; everybody who is there must be in it. */
const bootstrap = Effect.fnUntraced(function* (
  options: RecoveryOptions,
  registered: ReadonlyArray<string>,
  reports: ReadonlyMap<string, NodeReport>,
) {
  const { node, config } = options
  const manticore = yield* Manticore
  const seen = yield* ownCoordination(options)
  if (seen === undefined || seen.nodeState === "closed")
    return yield* fail(
      `${config.coordination} is ${seen?.status ?? "absent"} on ${node}: stop its daemon and ask again`,
    )
  if (seen.status === "primary") {
    // Who was left by the others one by one is primary, and yet no majority.
    if (registered.filter((other) => seen.members.includes(other)).length * 2 <= registered.length) return
    return yield* fail(`${config.coordination} has its majority: nothing is to be recovered`)
  }
  const open = [...reports.values()].filter(({ clusters }) => clusters.get(config.coordination)?.is === "open").length
  if (seen.size !== open + 1)
    return yield* fail(`${open} other nodes are there, and ${node} sees ${seen.size - 1}: wait until they have met`)
  const failure = failureOf(yield* manticore.query(node, Sql.bootstrap(config.coordination), config.statementTimeout))
  if (failure !== undefined) return yield* fail(`${node}: ${failure.message}`)
})

const untilPrimary = Effect.fnUntraced(function* (options: RecoveryOptions) {
  for (let look = 0; look < looksMax; look++) {
    if (isPrimary(yield* ownCoordination(options))) return
    yield* Effect.sleep(lookPause)
  }
  return yield* fail(`${options.config.coordination} did not become primary on ${options.node}`)
})

/** Writes down who is gone, under a new epoch. */
const fence = Effect.fnUntraced(
  function* ({ node, config }: RecoveryOptions, missing: ReadonlyArray<string>) {
    const store = yield* StateStore.make({ node, incarnation: "recovery", config })
    for (let attempt = 0; attempt < 10; attempt++) {
      yield* store.barrier
      const stored = yield* store.get(Key.registry)
      if (stored === undefined) return yield* fail("there is no registry")
      const registry = Schema.decodeUnknownSync(Registry)(stored.value)
      const nodes = Object.fromEntries(
        Object.entries(registry.nodes).map(([name, known]) => [
          name,
          missing.includes(name) ? { ...known, fenced: true } : known,
        ]),
      )
      const next = { ...registry, epoch: registry.epoch + 1, nodes }
      const written = yield* Effect.result(store.compareAndSet(stored, next, { term: stored.term }))
      if (written._tag === "Success") return
    }
    return yield* fail("the registry kept changing")
  },
  Effect.catchTag("StoreUnavailable", (error) => Effect.fail(fail(error.message))),
)
