/**
 * The port `DaemonControl` on a real daemon: its process is found by the file that it writes its number into, started and
 * stopped by commands, and outlives the runner. Without commands it is only looked at.
 */
import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import type { DaemonControl } from "@shardwright/core/DaemonControl"
import type { Manticore } from "@shardwright/core/Manticore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { changeEntries, emptyLists, readClusters, restoreLists } from "./DaemonFiles.ts"
import { privateFileMode, readIfThere } from "./durably.ts"
import { endLoneDaemon, withLoneDaemon } from "./LoneDaemon.ts"

/** A program and its arguments. */
export type CommandLine = ReadonlyArray<string>

/** How the daemon is started and stopped. */
export interface DaemonCommands {
  readonly start: CommandLine
  /** Undefined: SIGTERM to its process. */
  readonly stop: CommandLine | undefined
  /** Undefined: SIGKILL to its process. */
  readonly kill: CommandLine | undefined
  /** The server's program, which is started alone to look into a stopped node. */
  readonly program: string
  /** The daemon's configuration file. */
  readonly config: string
  /** Where its output goes. */
  readonly output: string | undefined
  /** How long a stop may take before the process is killed. */
  readonly stopPatience: Duration.Duration
}

/** The daemon of a node. */
export interface DaemonProcessOptions {
  readonly node: string
  readonly dataFolder: string
  /** The file with the number of its process; undefined if nobody knows: it counts as running then. */
  readonly pidFile: string | undefined
  /** Undefined: this runner neither starts nor stops it. */
  readonly commands: DaemonCommands | undefined
  /** Starts it again after a stop, through the gate. */
  readonly startAgain: Effect.Effect<void>
  /** Runs what outlives its caller. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** What could not be done, for the log. */
  readonly failed: (what: string, error: unknown) => void
}

const lookPause = Duration.millis(100)
/** From the start of a daemon until its process has written its number down, at the latest. */
const beginMsMax = 5000

/** What the system shows of a program's name. */
const shownNameLength = 15

/**
 * The number of the daemon's process; undefined if it does not run. The file outlives a crash, and numbers come back: so the
 * process must run the program, where the system tells.
 */
export const runningPid = (pidFile: string, program: string): number | undefined => {
  const pid = Number(readIfThere(pidFile)?.trim() || Number.NaN)
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Errors of `kill` are of this type. A process of somebody else is one all the same.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined
  }
  const shown = shownProgram(pid)
  return shown === undefined || shown === path.basename(program).slice(0, shownNameLength) ? pid : undefined
}

/** What a process runs, where the system tells; a dead one that nobody has waited for runs nothing. */
const shownProgram = (pid: number): string | undefined => {
  try {
    const status = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    return / Z /.test(status.slice(status.lastIndexOf(")"))) ? "" : fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim()
  } catch {
    return undefined
  }
}

/** Starts a program that outlives this process. */
const launch = (
  commandLine: CommandLine,
  output: string | undefined,
  failed: (error: unknown) => void,
): ChildProcess => {
  const [program = "", ...args] = commandLine
  const sink = output === undefined ? "ignore" : fs.openSync(output, "a", privateFileMode)
  try {
    const child = spawn(program, args, { detached: true, stdio: ["ignore", sink, sink] })
    child.on("error", failed)
    child.unref()
    return child
  } finally {
    if (typeof sink === "number") fs.closeSync(sink)
  }
}

/** The port, and the one thing that the engine never does: stop the daemon for good. */
export interface DaemonProcess {
  readonly control: DaemonControl["Service"]
  /** Stops the daemon and waits for its end; kills it if it does not. */
  readonly stop: Effect.Effect<void>
  /**
   * Ends what is left of a look into the stopped node in which a runner was killed: a daemon, and empty lists. For whoever is the
   * only one that starts this daemon.
   */
  readonly tidy: Effect.Effect<void>
  /** True while a restart is under way. */
  readonly isRestarting: () => boolean
}

/** Opens the port. */
export const make = (options: DaemonProcessOptions): DaemonProcess => {
  const { commands, dataFolder, failed, fork, node, pidFile, startAgain } = options
  const program = commands?.program ?? "searchd"
  /** The start that may not have written its number down yet. */
  let begun: { readonly child: ChildProcess; readonly ms: number } | undefined
  const isRunning = Effect.sync(() => {
    if (pidFile === undefined || runningPid(pidFile, program) !== undefined) return true
    if (begun === undefined) return false
    const { child, ms } = begun
    // A command that only gives the order ends with 0 before the daemon is there.
    const mayCome = child.exitCode === 0 && performance.now() - ms < beginMsMax
    return mayCome || (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
  })

  const signal = (name: "SIGTERM" | "SIGKILL", commandLine: CommandLine | undefined): void => {
    if (commandLine !== undefined) return void launch(commandLine, commands?.output, (error) => failed("signal", error))
    const pid = pidFile === undefined ? undefined : runningPid(pidFile, program)
    try {
      if (pid !== undefined) process.kill(pid, name)
    } catch (error) {
      failed(name, error)
    }
  }

  const untilEnded = Effect.fnUntraced(function* (patience: Duration.Duration) {
    for (let leftMs = Duration.toMillis(patience); leftMs > 0; leftMs -= Duration.toMillis(lookPause)) {
      if (!(yield* isRunning)) return true
      yield* Effect.sleep(lookPause)
    }
    return !(yield* isRunning)
  })

  let restarting = false
  const stop = Effect.fnUntraced(function* (by: DaemonCommands) {
    signal("SIGTERM", by.stop)
    // A daemon that hangs does not end by itself (semantics 49).
    if (yield* untilEnded(by.stopPatience)) return
    signal("SIGKILL", by.kill)
    yield* untilEnded(by.stopPatience)
  })

  const control: DaemonControl["Service"] = {
    isGated: commands !== undefined,
    isRunning,
    clusters: Effect.sync(() => readClusters(dataFolder)),
    inspect: <A>(use: (manticore: Manticore["Service"]) => Effect.Effect<A>) =>
      commands === undefined
        ? Effect.die(new Error("a daemon that this runner does not start cannot be looked into"))
        : Effect.acquireUseRelease(
            Effect.sync(() => emptyLists(dataFolder)),
            () => withLoneDaemon({ commands, dataFolder, use }),
            () => Effect.sync(() => restoreLists(dataFolder)),
          ),
    start: (entries) =>
      Effect.sync(() => {
        if (commands === undefined) return
        changeEntries(dataFolder, node, entries)
        if (pidFile !== undefined) fs.rmSync(pidFile, { force: true })
        begun = {
          child: launch(commands.start, commands.output, (error) => failed("start", error)),
          ms: performance.now(),
        }
      }),
    restart: Effect.sync(() => {
      if (commands === undefined) return false
      if (restarting) return true
      restarting = true
      fork(
        Effect.ensuring(
          Effect.andThen(stop(commands), startAgain),
          Effect.sync(() => {
            restarting = false
          }),
        ),
      )
      return true
    }),
  }
  return {
    control,
    stop: commands === undefined ? Effect.void : stop(commands),
    tidy: Effect.sync(() => {
      if (commands === undefined) return
      endLoneDaemon(dataFolder)
      restoreLists(dataFolder)
    }),
    isRestarting: () => restarting,
  }
}

/** What a daemon's configuration file says that must be known before it runs. */
export interface DaemonConfig {
  readonly dataFolder: string | undefined
  readonly pidFile: string | undefined
  readonly listeners: ReadonlyArray<string>
}

/** Reads `data_dir`, `pid_file` and `listen` of the `searchd` section. Throws if the file cannot be read. */
export const readDaemonConfig = (file: string): DaemonConfig => {
  const values = (name: string): ReadonlyArray<string> =>
    [...fs.readFileSync(file, "utf8").matchAll(new RegExp(`^\\s*${name}\\s*=\\s*(.+?)\\s*$`, "gm"))].map(
      (match) => match[1] ?? "",
    )
  const folder = (name: string): string | undefined => {
    const value = values(name).at(-1)
    return value === undefined ? undefined : path.resolve(path.dirname(file), value)
  }
  return { dataFolder: folder("data_dir"), pidFile: folder("pid_file"), listeners: values("listen") }
}
