/** The port `DaemonControl` on the simulated world: the daemon of one host, as the runner beside it has it in hand. */
import { type Answer, noAnswer } from "@shardwright/core/Answer"
import type { DaemonControl } from "@shardwright/core/DaemonControl"
import type { EntryChange } from "@shardwright/core/StartGate"
import * as Effect from "effect/Effect"
import type { Gate } from "../runtime/Gate.ts"
import type { Host } from "../world/Host.ts"
import { Session } from "../world/storage/Session.ts"
import {
  answerAlone,
  clusterFiles,
  forgetHistory,
  removeCluster,
  setNodes,
  settleNumbers,
} from "../world/StoppedHost.ts"
import type { World } from "../world/World.ts"

/** How long a daemon has to end before it is killed. */
const stopPatienceMicros = 20_000_000
/** From the start of a daemon that nobody reaches until it answers, and as long for its end. */
const inspectMicros = 150_000
/** An address at which nobody ever answers: the discard port. */
const nobody = "127.0.0.1:9"

/** The daemons of an installation. */
export interface Daemons {
  readonly world: World
  readonly isGated: boolean
  /** Starts the daemon again after it was stopped, through the gate where there is one. */
  readonly startAgain: (host: string) => void
}

type Control = DaemonControl["Service"]

/** The daemon of a host, for a process behind `gate`. */
export const daemonControl = (name: string, { isGated, startAgain, world }: Daemons, gate: Gate): Control => {
  const host = (): Host => {
    const found = world.hosts.get(name)
    if (found === undefined) throw new Error(`there is no host ${name}`)
    return found
  }
  const pause = Effect.callback<void>((resume) => {
    world.queue.after(inspectMicros, () => gate.pass(() => resume(Effect.void)))
  })
  return {
    isGated,
    isRunning: Effect.sync(() => host().daemon !== undefined),
    clusters: Effect.sync(() => clusterFiles(host())),
    inspect: (use) =>
      Effect.gen(function* () {
        const session = new Session()
        // Somebody may start the daemon meanwhile in another way: then this one is gone.
        const query = (_: string, sql: string): Effect.Effect<Answer> =>
          Effect.sync(() =>
            host().daemon === undefined ? answerAlone(host(), session, sql) : noAnswer("connection refused"),
          )
        yield* pause
        const result = yield* use({ query })
        yield* pause
        if (host().daemon === undefined) settleNumbers(host())
        return result
      }),
    start: (entries) =>
      Effect.sync(() => {
        for (const [cluster, change] of entries) changeEntry(host(), cluster, change)
        world.start(name)
      }),
    restart: Effect.sync(() => {
      let ended = false
      const again = () => {
        if (ended) return
        ended = true
        startAgain(name)
      }
      world.stop(name, again)
      // A daemon that hangs does not end by itself (semantics 49).
      world.queue.after(stopPatienceMicros, () => {
        if (ended) return
        world.kill(name)
        again()
      })
      return true
    }),
  }
}

const changeEntry = (host: Host, cluster: string, change: EntryChange): void => {
  const own = host.spec.address
  switch (change._tag) {
    case "Begin":
      return setNodes(host, cluster, [])
    case "Rejoin":
      if (change.anew === true) forgetHistory(host, cluster)
      return setNodes(host, cluster, [...change.peers, own])
    case "Close":
      return setNodes(host, cluster, [own, nobody])
    case "SetAside":
      return removeCluster(host, cluster)
  }
}

const noNode = Effect.die(new Error("an operator's command has no node of its own"))

/** For commands that are given from outside. */
export const nobodysDaemon: Control = {
  isGated: false,
  isRunning: noNode,
  clusters: noNode,
  inspect: () => noNode,
  start: () => noNode,
  restart: noNode,
}
