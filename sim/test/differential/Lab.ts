/**
 * Real daemons for differential runs, as a configuration file describes them (docs/TESTING.md). What starts, stops or
 * cuts off a node is a shell command there; nothing here knows how it does so.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"

/** A node of a lab. */
export interface LabNode {
  /** Where its MySQL listener is reached. */
  readonly host: string
  readonly mysqlPort: number
  /** Its binary listener, as other nodes name it: `host:port`. */
  readonly address: string
  /** Its data directory, to be recognised in answers. */
  readonly dataDirectory: string
}

const commandNames = ["reset", "start", "stop", "kill", "pause", "resume", "cut", "heal", "mkdir"] as const

/** Names of the commands. */
export type LabCommand = (typeof commandNames)[number]

/** A lab. */
export interface Lab {
  readonly nodes: ReadonlyArray<LabNode>
  /** Lines of the daemons' configuration that matter to what they answer: `threads = 8`. */
  readonly config: string
  /** Runs a command with its placeholders filled in; true if it ended with 0. */
  readonly run: (command: LabCommand, values?: Readonly<Record<string, string>>) => Promise<boolean>
}

/** Reads a configuration file; throws an `Error` that says what is missing. */
export const readLab = (file: string): Lab => {
  const json: unknown = JSON.parse(readFileSync(file, "utf8"))
  const fail = (problem: string): Error => new Error(`${file}: ${problem}`)
  const { nodes, config, commands } = record(json)
  if (!Array.isArray(nodes) || nodes.length < 3) throw fail(`expected "nodes": a list of at least three`)
  const templates = record(commands)
  for (const name of commandNames) {
    if (typeof templates[name] !== "string") throw fail(`expected "commands" to have "${name}": a shell command`)
  }
  return {
    nodes: nodes.map((node, index) => nodeOf(record(node), (problem) => fail(`nodes[${index}]: ${problem}`))),
    config: typeof config === "string" ? config : "",
    run: (command, values = {}) => shell(filledIn(String(templates[command]), values)),
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? { ...value } : {}

const nodeOf = (json: Record<string, unknown>, fail: (problem: string) => Error): LabNode => {
  const { host, mysqlPort, address, dataDirectory } = json
  if (typeof host !== "string" || typeof address !== "string" || typeof dataDirectory !== "string")
    throw fail(`expected "host", "address" and "dataDirectory"`)
  if (typeof mysqlPort !== "number") throw fail(`expected "mysqlPort": a number`)
  return { host, mysqlPort, address, dataDirectory }
}

const filledIn = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)

const commandLimitMs = 60_000

const shell = (command: string): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn("sh", ["-c", command], { stdio: "ignore", timeout: commandLimitMs, killSignal: "SIGKILL" })
    child.on("error", () => resolve(false))
    child.on("exit", (code) => resolve(code === 0))
  })
