/**
 * A daemon that is started where nobody else reaches it, to read what a stopped node holds: it listens on free ports of
 * loopback only. Its lists of nodes have been emptied before, so that it looks for nobody either.
 */
import { spawn } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import type { Manticore } from "@shardwright/core/Manticore"
import { hasGivenUp, isPrimary, observedGroups } from "@shardwright/core/Observe"
import * as Sql from "@shardwright/core/Sql"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { DaemonCommands } from "./DaemonProcess.ts"
import { readClusters } from "./DaemonFiles.ts"
import { privateFileMode, readIfThere } from "./durably.ts"
import * as MysqlManticore from "./MysqlManticore.ts"

/** Which daemon, and what it is asked. */
export interface LoneDaemonOptions<A> {
  readonly commands: DaemonCommands
  readonly dataFolder: string
  readonly use: (manticore: Manticore["Service"]) => Effect.Effect<A>
}

const loopback = "127.0.0.1"
/** A daemon brings its clusters back one after another, about one a second (semantics 29). */
const startPatiencePerCluster = Duration.seconds(5)
const startPatience = Duration.seconds(60)
const lookPause = Duration.millis(100)
const askPatience = Duration.seconds(2)

const namesOf = (dataFolder: string) => {
  const folder = path.dirname(path.resolve(dataFolder))
  return { config: path.join(folder, "inspect.conf"), pid: path.join(folder, "inspect.pid") }
}

/** Ends a daemon that was left by a runner which was killed while it looked into its stopped node. It holds the data folder. */
export const endLoneDaemon = (dataFolder: string): void => {
  const pid = Number(readIfThere(namesOf(dataFolder).pid)?.trim() || Number.NaN)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  try {
    if (fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(namesOf(dataFolder).config))
      process.kill(pid, "SIGKILL")
  } catch {
    // It is gone, or somebody else has its number.
  }
}

/** Ports that nobody has now, one after another: `count` of them. */
const freePorts = (count: number): Promise<number> => {
  const listen = (port: number): Promise<net.Server | undefined> =>
    new Promise((resolve) => {
      const server = net.createServer()
      server.once("error", () => resolve(undefined))
      server.listen(port, loopback, () => resolve(server))
    })
  const attempt = async (triesLeft: number): Promise<number> => {
    const first = await listen(0)
    const address = first?.address()
    const base = address !== null && typeof address === "object" ? address.port : 0
    const rest = await Promise.all(Array.from({ length: count - 1 }, (_, index) => listen(base + 1 + index)))
    const servers = [first, ...rest]
    await Promise.all(servers.map((server) => new Promise((resolve) => (server ? server.close(resolve) : resolve(0)))))
    if (servers.every((server) => server !== undefined)) return base
    if (triesLeft === 0) throw new Error(`no ${count} free ports in a row on ${loopback}`)
    return attempt(triesLeft - 1)
  }
  return attempt(20)
}

/** The daemon's configuration with other listeners and another process file. */
export const loneConfig = (text: string, pidFile: string, base: number, replicationPorts: number): string => {
  const own = [
    `listen = ${loopback}:${base}`,
    `listen = ${loopback}:${base + 1}:mysql`,
    `listen = ${loopback}:${base + 2}-${base + 1 + replicationPorts}:replication`,
    `pid_file = ${pidFile}`,
    "buddy_path =",
  ]
  const kept = text
    .split("\n")
    .filter((line) => !/^\s*(listen|pid_file|buddy_path|node_address|query_log)\s*=/.test(line))
    .join("\n")
  return kept.replace(/^\s*searchd\s*\{/m, (section) => `${section}\n${own.join("\n")}`)
}

/** Starts it, asks it, stops it. What it is asked has its answer before it stops. */
export const withLoneDaemon = <A>({ commands, dataFolder, use }: LoneDaemonOptions<A>): Effect.Effect<A> =>
  Effect.gen(function* () {
    const clusters = readClusters(dataFolder)
    const replicationPorts = 2 * Math.max(clusters.length, 1)
    const base = yield* Effect.promise(() => freePorts(replicationPorts + 2))
    const { config: file, pid } = namesOf(dataFolder)
    const text = loneConfig(fs.readFileSync(commands.config, "utf8"), pid, base, replicationPorts)
    fs.writeFileSync(file, text, { mode: privateFileMode })
    return yield* Effect.acquireUseRelease(
      Effect.sync(() => begin(commands, file)),
      ({ ended }) =>
        Effect.gen(function* () {
          const manticore = yield* MysqlManticore.make({
            endpointOf: () => Effect.succeed({ host: loopback, port: base + 1 }),
          })
          const patience = Duration.sum(startPatience, Duration.times(startPatiencePerCluster, clusters.length))
          for (let leftMs = Duration.toMillis(patience); leftMs > 0; leftMs -= Duration.toMillis(lookPause)) {
            const shown = observedGroups(yield* manticore.query("", Sql.showClusters, askPatience))
            if (shown !== undefined && [...shown.values()].every((group) => isPrimary(group) || hasGivenUp(group)))
              break
            if (ended.isOver) break
            yield* Effect.sleep(lookPause)
          }
          return yield* use(manticore)
        }).pipe(Effect.scoped),
      ({ end }) => Effect.promise(end),
    ).pipe(Effect.ensuring(Effect.sync(() => fs.rmSync(file, { force: true }))))
  })

const begin = (commands: DaemonCommands, file: string) => {
  const child = spawn(commands.program, ["--config", file, "--nodetach"], { stdio: "ignore" })
  const ended = { isOver: false }
  const over = new Promise<void>((resolve) => {
    const settle = (): void => {
      ended.isOver = true
      resolve()
    }
    child.once("exit", settle)
    child.once("error", settle)
  })
  const end = async (): Promise<void> => {
    if (!ended.isOver) child.kill("SIGTERM")
    const killer = setTimeout(() => child.kill("SIGKILL"), Duration.toMillis(commands.stopPatience))
    await over
    clearTimeout(killer)
  }
  return { ended, end }
}
