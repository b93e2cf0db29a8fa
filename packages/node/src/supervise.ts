/**
 * Watches over the daemon of a runner that starts it: a process that ended is started again, and one that answers nobody any more
 * is ended first. The server can hang in its own shutdown, for ever, with its ports still taken; others wait for its copies then.
 */
import type { Manticore } from "@shardwright/core/Manticore"
import type { DaemonProcess } from "@shardwright/manticore/DaemonProcess"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Log } from "./Log.ts"

/** How long a daemon may be silent. */
export interface SilencePatience {
  /** One that has answered since its start. */
  readonly afterAnswers: Duration.Duration
  /** One that has not: it may be reading its logs, which takes as long as they are long. */
  readonly atStart: Duration.Duration
}

/** When the own daemon answered this runner last, by the monotonic clock; undefined: never. */
export interface Heard {
  answeredMs: number | undefined
}

/** Notes answers of a node. */
export const listening = (manticore: Manticore["Service"], node: string, heard: Heard): Manticore["Service"] => ({
  query: (asked, sql, timeout) =>
    asked === node
      ? Effect.tap(manticore.query(asked, sql, timeout), (answer) =>
          Effect.sync(() => {
            if (answer._tag !== "NoAnswer") heard.answeredMs = performance.now()
          }),
        )
      : manticore.query(asked, sql, timeout),
})

/** True for a process that has been silent for too long. `sinceMs`: since when it is known to run. */
export const isHung = (
  nowMs: number,
  sinceMs: number,
  answeredMs: number | undefined,
  { afterAnswers, atStart }: SilencePatience,
): boolean =>
  answeredMs !== undefined && answeredMs >= sinceMs
    ? nowMs - answeredMs > Duration.toMillis(afterAnswers)
    : nowMs - sinceMs > Duration.toMillis(atStart)

/** How often the daemon's process is looked for. */
const interval = Duration.seconds(1)
/** A daemon that ends within this time after its start is started again more and more slowly. */
const shortLifeMs = 20_000
const pauseMsMin = 1000
const pauseMsMax = 30_000

/** What is watched. */
export interface Watched {
  readonly node: string
  readonly daemon: DaemonProcess
  /** Starts it through its gate, unless it runs. */
  readonly start: Effect.Effect<void>
  readonly heard: Heard
  readonly patience: SilencePatience
  readonly log: Log
}

/** Watches for ever. */
export const supervise = Effect.fnUntraced(function* ({ daemon, heard, log, node, patience, start }: Watched) {
  let pauseMs = 0
  let startedMs = Number.NEGATIVE_INFINITY
  let runningSinceMs = performance.now()
  for (;;) {
    const nowMs = performance.now()
    if (daemon.isRestarting()) runningSinceMs = nowMs
    else if (!(yield* daemon.control.isRunning)) {
      pauseMs = nowMs - startedMs < shortLifeMs ? Math.min(Math.max(pauseMsMin, pauseMs * 2), pauseMsMax) : 0
      log(pauseMs === 0 ? "info" : "warn", "daemon.start", { node, pauseMs })
      yield* Effect.sleep(Duration.millis(pauseMs))
      yield* start
      startedMs = performance.now()
      runningSinceMs = startedMs
    } else if (isHung(nowMs, runningSinceMs, heard.answeredMs, patience)) {
      log("error", "daemon.hung", { node, silentMs: Math.round(nowMs - (heard.answeredMs ?? runningSinceMs)) })
      yield* daemon.control.restart
    }
    yield* Effect.sleep(interval)
  }
})
