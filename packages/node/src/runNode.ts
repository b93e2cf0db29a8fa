/**
 * The runner: opens the engine's ports on one node, answers other runners, starts the daemon through its gate where that is its
 * task, and runs the agent until it is told to stop.
 */
import crypto from "node:crypto"
import { runAgentUntil } from "@shardwright/core/agent/Agent"
import { DaemonControl } from "@shardwright/core/DaemonControl"
import { Peers } from "@shardwright/core/gate/Peers"
import { ownReport } from "@shardwright/core/gate/report"
import { startDaemon } from "@shardwright/core/gate/startDaemon"
import { Journal, type JournalEvent } from "@shardwright/core/Journal"
import { parseLength } from "@shardwright/core/Length"
import { Manticore } from "@shardwright/core/Manticore"
import { NodeFiles } from "@shardwright/core/NodeFiles"
import * as DaemonProcess from "@shardwright/manticore/DaemonProcess"
import * as NodeDisk from "@shardwright/manticore/NodeDisk"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import type { Config } from "./Config.ts"
import { openEndpoints } from "./endpoints.ts"
import { httpPeers, listenForPeers, runnerAddress } from "./HttpPeers.ts"
import { findIdentity, type Identity } from "./Identity.ts"
import { type Log, logEventOf } from "./Log.ts"
import { openManticore, splitAddress } from "./openManticore.ts"
import { type Heard, listening, type SilencePatience, supervise } from "./supervise.ts"

/** What a runner needs from its process. */
export interface RunnerOptions {
  readonly config: Config
  readonly log: Log
  /** Ends when the runner is to end. */
  readonly stopped: Effect.Effect<void>
  /** In place of the disk, for tests. */
  readonly files?: NodeFiles["Service"]
}

/** An agent that failed by a bug begins anew after this pause; its records say where it was. */
const agentPause = Duration.seconds(5)
const stopPatienceDefault = Duration.seconds(60)
/** Longer than any statement may take, and than a daemon is stalled by evictions. */
const silencePatienceDefault = Duration.minutes(2)
const beginPatienceDefault = Duration.minutes(15)

const commandsOf = ({ daemon }: Config): DaemonProcess.DaemonCommands | undefined =>
  daemon === undefined
    ? undefined
    : {
        start: daemon.start,
        stop: daemon.stop,
        kill: daemon.kill,
        program: daemon.program ?? daemon.start[0] ?? "searchd",
        config: daemon.config,
        output: daemon.output,
        stopPatience: parseLength(daemon.stopPatience ?? "") ?? stopPatienceDefault,
      }

const patienceOf = ({ daemon }: Config): SilencePatience => ({
  afterAnswers: parseLength(daemon?.silencePatience ?? "") ?? silencePatienceDefault,
  atStart: parseLength(daemon?.beginPatience ?? "") ?? beginPatienceDefault,
})

/** What the engine needs, as its ports. */
export type Ports = Manticore | NodeFiles | DaemonControl | Peers

/** The ports of a node, and its daemon's process. */
export interface Node {
  readonly identity: Identity
  readonly ports: Context.Context<Ports>
  readonly daemon: DaemonProcess.DaemonProcess
  /** Starts the daemon through its gate, unless it runs. */
  readonly start: Effect.Effect<void>
  readonly heard: Heard
}

/** Finds the node and opens its ports. */
export const openNode = Effect.fnUntraced(function* ({ config, log, files }: Omit<RunnerOptions, "stopped">) {
  const identity = yield* findIdentity(config, yield* openManticore(config, config.mysql), log)
  const { dataFolder, node, pidFile, stateFolder } = identity
  const heard: Heard = { answeredMs: undefined }
  const manticore = listening(yield* openManticore(config, node), node, heard)
  const scope = yield* Effect.scope
  const onlyOne = yield* Semaphore.make(1)
  const runners = Object.entries(config.peers ?? {}).flatMap(([name, { runner }]) =>
    runner === undefined ? [] : [[name, runner] as const],
  )
  const engine = config.engine
  const start: Effect.Effect<void> = Effect.suspend(() =>
    onlyOne.withPermits(1)(
      Effect.gen(function* () {
        if (yield* daemon.control.isRunning) return
        yield* startDaemon({ node, config: engine })
      }).pipe(Effect.provideContext(ports)),
    ),
  )
  const daemon = DaemonProcess.make({
    node,
    dataFolder,
    pidFile,
    commands: commandsOf(config),
    startAgain: start,
    fork: (effect) => void Effect.runFork(Effect.forkIn(effect, scope)),
    failed: (what, error) => log("error", "daemon.command-failed", { node, what, error: String(error) }),
  })
  const ports: Context.Context<Ports> = Context.make(Manticore, manticore).pipe(
    Context.add(NodeFiles, files ?? NodeDisk.make({ dataFolder, stateFolder })),
    Context.add(DaemonControl, daemon.control),
    Context.add(Peers, httpPeers({ known: new Map(runners), token: config.token })),
    Context.add(Journal, { write: journalTo(log) }),
  )
  const opened: Node = { identity, ports, daemon, start, heard }
  return opened
})

const journalTo =
  (log: Log) =>
  (event: JournalEvent): void => {
    const { event: name, fields, level } = logEventOf(event)
    log(level, name, fields)
  }

/** Runs until `stopped` ends. Fails if the configuration does not lead to a node. */
export const runNode = Effect.fnUntraced(function* (options: RunnerOptions) {
  const { config, log, stopped } = options
  const opened = yield* Effect.raceFirst(openNode(options), Effect.as(stopped, undefined))
  // Told to stop while it waited for its daemon.
  if (opened === undefined) return
  const { daemon, heard, identity, ports, start } = opened
  const { dataFolder, node, stateFolder } = identity
  yield* daemon.tidy
  let state = "starting"
  const written = Context.get(ports, Journal)
  const watched = Context.add(ports, Journal, {
    write: (event: JournalEvent): void => {
      if (event.kind === "agent") state = event.event
      written.write(event)
    },
  })
  const health = () => ({ ready: state === "acting", state })
  const listen = splitAddress(config.listen ?? `127.0.0.1:${splitAddress(runnerAddress(node)).port}`)
  const port = yield* listenForPeers({
    ...listen,
    token: config.token,
    report: () => Effect.runPromise(Effect.provideContext(ownReport(node), ports)),
    health,
  })
  const counted = yield* openEndpoints({ config, node, log, ports: watched, health })
  log("info", "runner.started", {
    node,
    cluster: config.cluster,
    mysql: config.mysql,
    listen: `${listen.host}:${port}`,
    dataFolder,
    stateFolder,
    gated: daemon.control.isGated,
  })
  const supervisor = daemon.control.isGated
    ? yield* Effect.forkChild(supervise({ node, daemon, start, heard, patience: patienceOf(config), log }))
    : undefined
  yield* agents(options, node).pipe(Effect.provideContext(counted))
  log("info", "runner.stopping", { node })
  if (supervisor !== undefined) yield* Fiber.interrupt(supervisor)
  if (config.daemon?.stopsWithRunner === true) yield* daemon.stop
  log("info", "runner.stopped", { node })
}, Effect.scoped)

/** One agent after another: each ends with the runner, or with a bug. */
const agents = Effect.fnUntraced(function* ({ config, log, stopped }: RunnerOptions, node: string) {
  for (;;) {
    const incarnation = `${node}-${crypto.randomUUID()}`
    const exit = yield* Effect.exit(runAgentUntil({ node, incarnation, config: config.engine }, stopped))
    if (exit._tag === "Success") return
    log("error", "agent.crashed", { node, error: Cause.pretty(exit.cause) })
    const isOver = yield* Effect.raceFirst(Effect.as(Effect.sleep(agentPause), false), Effect.as(stopped, true))
    if (isOver) return
  }
})
