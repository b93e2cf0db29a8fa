/**
 * A cluster of real daemons on loopback, each started by a runner of its own, as processes of this machine. Everything is in one
 * temporary folder, and ends with this process.
 */
import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
const loopback = "127.0.0.1"
/** Ports of one node: binary, MySQL, and from the tenth on those of replication, two for each cluster. */
const portsPerNode = 100
const replicationPorts = 80
/** Below the ports that systems give to clients, and as much less than those of runners as these are by default. */
const basePort = 17_000
const runnerPortOffset = 10_000
const adminPortOffset = 11_000
/** How long a runner may take to answer. */
const answerMsMax = 5000
/** A clean stop takes up to 7 s (semantics 28). */
const stopMsMax = 30_000

/** One node. */
export interface RealNode {
  readonly index: number
  /** Its name: the binary listener. */
  readonly name: string
  readonly mysql: string
  /** Where its runner answers over HTTP. */
  readonly admin: string
  readonly folder: string
}

/** What a runner shows of the whole cluster: some of `GET /api/v1/overview`. */
export interface Overview {
  readonly status: { readonly leader: string | null }
  readonly tables: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly rf: number
    readonly layout: ReadonlyArray<{
      readonly physical: string
      readonly nodes: ReadonlyArray<string>
      readonly copies: number
    }>
  }>
  readonly nodes: ReadonlyArray<{ readonly name: string; readonly replicas: number }>
  readonly groups: ReadonlyArray<{ readonly name: string; readonly members: ReadonlyArray<{ readonly node: string }> }>
  readonly operations: ReadonlyArray<{ readonly id: string }>
  readonly findings: ReadonlyArray<{ readonly code: string; readonly subject: string; readonly detail: string }>
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = net.createServer()
    server.once("error", () => resolve(false))
    server.listen(port, loopback, () => server.close(() => resolve(true)))
  })

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What a command printed and how it ended. */
export interface Ran {
  readonly code: number | null
  readonly document: unknown
  readonly noted: string
}

/** Starts and ends processes. */
export class RealCluster {
  readonly #searchd: string
  /** Lines of each runner's configuration, beside those that say where things are. */
  readonly #settings: ReadonlyArray<string>
  readonly folder: string
  readonly nodes: Array<RealNode> = []
  readonly #runners = new Map<number, ChildProcess>()

  constructor(searchd: string, settings: ReadonlyArray<string> = []) {
    this.#searchd = searchd
    this.#settings = settings
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-real-"))
  }

  /** Prepares a node: folders, the daemon's configuration and the runner's. Nothing is started. */
  async add(): Promise<RealNode> {
    const index = this.nodes.length + 1
    const port = basePort + index * portsPerNode
    for (const taken of [port, port + 1, port + runnerPortOffset, port + adminPortOffset])
      if (!(await isFree(taken))) throw new Error(`port ${taken} on ${loopback} is taken`)
    const folder = path.join(this.folder, String(index))
    fs.mkdirSync(path.join(folder, "data"), { recursive: true })
    const config = [
      "searchd {",
      `  listen = ${loopback}:${port}`,
      `  listen = ${loopback}:${port + 1}:mysql`,
      `  listen = ${loopback}:${port + 10}-${port + 9 + replicationPorts}:replication`,
      `  data_dir = ${folder}/data`,
      `  log = ${folder}/searchd.log`,
      `  pid_file = ${folder}/searchd.pid`,
      "  buddy_path =",
      "  threads = 8",
      `  server_id = ${index}`,
      "}",
    ]
    fs.writeFileSync(path.join(folder, "searchd.conf"), `${config.join("\n")}\n`)
    const runner = [
      `mysql: ${loopback}:${port + 1}`,
      "cluster: c",
      "daemon:",
      `  start: [${JSON.stringify(this.#searchd)}, --config, ${JSON.stringify(`${folder}/searchd.conf`)}, --nodetach]`,
      `  config: ${JSON.stringify(`${folder}/searchd.conf`)}`,
      `  output: ${JSON.stringify(`${folder}/output.log`)}`,
      ...this.#settings,
    ]
    fs.writeFileSync(path.join(folder, "runner.yaml"), `${runner.join("\n")}\n`)
    const at = (own: number): string => `${loopback}:${own}`
    const node = { index, name: at(port), mysql: at(port + 1), admin: at(port + adminPortOffset), folder }
    this.nodes.push(node)
    return node
  }

  /** Starts a runner, which starts its daemon. */
  startRunner({ folder, index }: RealNode): void {
    const log = fs.openSync(path.join(folder, "runner.log"), "a")
    const main = path.join(root, "packages/node/src/main.ts")
    const child = spawn(process.execPath, [main, "run", "--config", path.join(folder, "runner.yaml")], {
      stdio: ["ignore", log, log],
    })
    fs.closeSync(log)
    this.#runners.set(index, child)
  }

  /** Ends a runner: SIGTERM hands over, SIGKILL does not. Its daemon goes on. */
  async stopRunner({ index }: RealNode, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#runners.get(index)
    this.#runners.delete(index)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill(signal)
    await ended
  }

  #pid({ folder }: RealNode): number | undefined {
    try {
      const pid = Number(fs.readFileSync(path.join(folder, "searchd.pid"), "utf8"))
      const commandLine = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8")
      return commandLine.includes(path.join(folder, "searchd.conf")) ? pid : undefined
    } catch {
      return undefined
    }
  }

  /** Ends a daemon and waits until it is gone. One that hangs in its shutdown is killed, as service managers do. */
  async endDaemon(node: RealNode, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const pid = this.#pid(node)
    if (pid === undefined) return
    process.kill(pid, signal)
    for (let leftMs = stopMsMax; leftMs > 0 && this.#pid(node) === pid; leftMs -= 50) await pause(50)
    if (this.#pid(node) !== pid) return
    process.kill(pid, "SIGKILL")
    while (this.#pid(node) === pid) await pause(50)
  }

  /** What the runner of a node shows; undefined while it does not answer, or does not act. */
  async overview({ admin }: RealNode): Promise<Overview | undefined> {
    try {
      const reply = await fetch(`http://${admin}/api/v1/overview`, { signal: AbortSignal.timeout(answerMsMax) })
      // The document of a success has these fields.
      return reply.ok ? ((await reply.json()) as Overview) : undefined
    } catch {
      return undefined
    }
  }

  /** Runs the command line with `--json`. */
  async cli(...args: ReadonlyArray<string>): Promise<Ran> {
    const main = path.join(root, "packages/cli/src/main.ts")
    const child = spawn(process.execPath, [main, ...args, "--json"], { stdio: ["ignore", "pipe", "pipe"] })
    let printed = ""
    let noted = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (noted += text))
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
    return { code, document: printed === "" ? undefined : JSON.parse(printed), noted }
  }

  /** Ends all processes; the folder goes, unless it is to be looked at. */
  async end(keep: boolean): Promise<void> {
    for (const node of this.nodes) await this.stopRunner(node, "SIGKILL")
    for (const node of this.nodes) await this.endDaemon(node, "SIGKILL")
    if (!keep) fs.rmSync(this.folder, { recursive: true, force: true })
  }
}
