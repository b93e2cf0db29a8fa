/**
 * One scenario on real daemons and in the simulator, with the same settings, and a comparison of what came of both.
 */
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { probeTable } from "@shardwright/core/Identifier"
import type { Manticore } from "@shardwright/core/Manticore"
import { firstColumn, observedGroups } from "@shardwright/core/Observe"
import * as Sql from "@shardwright/core/Sql"
import { logEventOf } from "@shardwright/node/Log"
import { leftovers } from "@shardwright/sim/check/orphans"
import { runScenario } from "@shardwright/sim/run/RunScenario"
import type { Target } from "@shardwright/sim/scenario/Fault"
import type { Act, Scenario, TimelineEntry } from "@shardwright/sim/scenario/Scenario"
import { loadScenario } from "@shardwright/sim/scenario/ScenarioFile"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkRows, eventually, type Stage } from "./acts.ts"
import { compare, type LogLine, type Outcome, readLog, renderRows } from "./Outcome.ts"
import { pause, RealCluster, type RealNode } from "./RealCluster.ts"
import { Writers } from "./Writers.ts"

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), "differential.yaml")
const seeds = [1, 2, 3]
const patience = Duration.seconds(15)
/** Nothing has been under way for this long: it is at rest. Longer than the engine looks for changes that nobody asked for. */
const restMs = 12_000
const restSecondsMax = 300

const readScenario = (): Scenario => {
  const read = loadScenario(fs.readFileSync(file, "utf8"), file)
  if (Result.isFailure(read)) throw new Error(read.failure.map(({ message }) => message).join("\n"))
  return read.success
}

const shortShards = (tables: ReadonlyArray<{ readonly rf: number; readonly copies: ReadonlyArray<number> }>): number =>
  tables.reduce((sum, { copies, rf }) => sum + copies.filter((count) => count < rf).length, 0)

const descending = (counts: ReadonlyArray<number>): ReadonlyArray<number> => counts.toSorted((a, b) => b - a)

/** The run of one seed. */
const simulate = (scenario: Scenario, seed: number): Outcome => {
  const lines: Array<LogLine> = []
  const end = { leftovers: 0, short: 0, replicas: new Array<number>() }
  const result = runScenario(scenario, {
    seed,
    trace: (line) => {
      // The simulator's own lines have these fields; the text of a `journal` is an event of the engine.
      const { kind, text } = JSON.parse(line) as { readonly kind: string; readonly text: string }
      if (kind !== "journal") return
      const { event, fields } = logEventOf(JSON.parse(text))
      lines.push({ event, ...fields })
    },
    inspector: {
      atEnd: ({ context }) => {
        const view = context.state.view()
        const tables = [...view.tables.values()].map(({ record }) => record)
        end.leftovers = leftovers(context, view).length
        end.short = shortShards(
          tables.map(({ layout, rf }) => ({
            rf,
            copies: layout.map(({ group, nodes }) => {
              const inSync = group === null ? nodes : (view.groups.get(group)?.record.inSync ?? [])
              return nodes.filter((node) => inSync.includes(node)).length
            }),
          })),
        )
        end.replicas = Object.keys(view.registry?.record.nodes ?? {}).map(
          (node) => tables.flatMap(({ layout }) => layout).filter(({ nodes }) => nodes.includes(node)).length,
        )
      },
    },
  })
  if (!result.passed) throw new Error(`the simulator fails with seed ${seed}: ${result.class}`)
  return { ...readLog(lines), ...end, replicas: descending(end.replicas), lost: result.stats.lost }
}

const cli = async (cluster: RealCluster, ...args: ReadonlyArray<string>): Promise<void> => {
  const { code, document, noted } = await cluster.cli(...args)
  if (code !== 0)
    throw new Error(`shardwright ${args.join(" ")} ended with ${code}: ${noted} ${JSON.stringify(document)}`)
}

/** The scenario on real daemons. `n1` of the scenario is the first node, and so on. */
class RealRun {
  readonly #scenario: Scenario
  readonly #cluster: RealCluster
  readonly #manticore: Manticore["Service"]

  constructor(scenario: Scenario, cluster: RealCluster, manticore: Manticore["Service"]) {
    this.#scenario = scenario
    this.#cluster = cluster
    this.#manticore = manticore
  }

  async play(note: (text: string) => void): Promise<Outcome> {
    const { nodes, spares } = this.#scenario.cluster
    for (let index = 0; index < nodes.length + spares.length; index++) {
      const node = await this.#cluster.add()
      this.#cluster.startRunner(node)
      await eventually(`an answer of ${node.name}`, 60, async () => {
        const { code } = await this.#cluster.cli("cluster", "status", "--connect", node.mysql)
        return code !== 5
      })
      if (index === 0) await cli(this.#cluster, "cluster", "init", "--connect", node.mysql)
      else if (index < nodes.length) await this.#join(node)
    }
    for (const { name, rf, shards, structure } of this.#scenario.tables) {
      const sizes = ["--shards", String(shards), "--rf", String(rf)]
      await cli(this.#cluster, "table", "create", name, structure, ...sizes, "--connect", this.#node("n1").mysql)
    }
    const writers = this.#scenario.workloads.map(({ every, table, through, writers: count }) => {
      const clients = new Writers(this.#manticore, table, Duration.toMillis(every))
      const nodesOf = through ?? nodes.map(({ name }) => name)
      for (let index = 0; index < count; index++) clients.begin(this.#node(nodesOf[index % nodesOf.length] ?? "n1"))
      return clients
    })
    const stage: Stage = { cluster: this.#cluster, writers, note }
    try {
      const zeroMs = performance.now()
      for (const { act, when } of this.#scenario.timeline) {
        await this.#rest()
        await pause(Math.max(0, zeroMs + dueMs(when) - performance.now()))
        await this.#carryOut(act)
        note(`${act._tag} done ${Math.round((performance.now() - zeroMs) / 1000)} s after the beginning`)
      }
      await this.#rest()
    } finally {
      for (const clients of writers) await clients.end()
    }
    await checkRows(stage, this.#cluster.nodes)
    return this.#outcome()
  }

  #node(name: Target): RealNode {
    if (typeof name !== "string") throw new Error("nodes are not drawn for real daemons")
    const node = this.#cluster.nodes[Number(name.slice(1)) - 1]
    if (node === undefined) throw new Error(`there is no node ${name}`)
    return node
  }

  #join(node: RealNode): Promise<void> {
    return cli(this.#cluster, "cluster", "join", this.#node("n1").mysql, "--connect", node.mysql)
  }

  async #carryOut(act: Act): Promise<void> {
    const first = this.#node("n1").mysql
    switch (act._tag) {
      case "Kill": {
        const node = this.#node(act.node)
        await this.#cluster.stopRunner(node, "SIGKILL")
        return this.#cluster.endDaemon(node, "SIGKILL")
      }
      case "Restart":
        return this.#cluster.startRunner(this.#node(act.node))
      case "AddNode":
        return this.#join(this.#node(act.node))
      case "Drain":
        return cli(this.#cluster, "node", "drain", this.#node(act.node).name, "--connect", first)
      default:
        throw new Error(`${act._tag} cannot be played on real daemons`)
    }
  }

  /** Waits until nothing has been under way, and the same has been amiss, for a while. */
  #rest(): Promise<void> {
    let sinceMs = performance.now()
    let before = ""
    return eventually("rest", restSecondsMax, async () => {
      const shown = await this.#cluster.overview(this.#node("n1"))
      const now = shown === undefined ? "" : JSON.stringify([shown.operations.map(({ id }) => id), shown.findings])
      if (shown === undefined || shown.operations.length > 0 || now !== before) sinceMs = performance.now()
      before = now
      return performance.now() - sinceMs > restMs
    })
  }

  async #outcome(): Promise<Outcome> {
    const shown = await this.#cluster.overview(this.#node("n1"))
    if (shown === undefined) throw new Error("the first runner shows nothing in the end")
    let strangers = 0
    for (const { mysql, name } of this.#cluster.nodes) {
      const ask = (sql: string) => Effect.runPromise(this.#manticore.query(mysql, sql, patience))
      const groups = shown.groups.filter(({ members }) => members.some(({ node }) => node === name))
      const layout = shown.tables.flatMap((table) => table.layout).filter(({ nodes }) => nodes.includes(name))
      const tables = firstColumn(await ask(Sql.showSystemTables)) ?? []
      const clusters = [...(observedGroups(await ask(Sql.showClusters))?.keys() ?? [])]
      const owned = new Set([
        ...Sql.createSystemTables.map(({ physical }) => physical),
        ...groups.map((group) => probeTable(group.name)),
        ...layout.map(({ physical }) => physical),
      ])
      strangers += tables.filter((table) => !owned.has(table)).length
      strangers += clusters.filter(
        (cluster) => cluster !== "c" && !groups.some((group) => group.name === cluster),
      ).length
    }
    const lines = this.#cluster.nodes
      .flatMap(({ folder }) => fs.readFileSync(path.join(folder, "runner.log"), "utf8").split("\n"))
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []))
      .toSorted((left, right) => String(left.time).localeCompare(String(right.time)))
    return {
      ...readLog(lines),
      lost: 0,
      leftovers: strangers,
      short: shortShards(shown.tables.map(({ layout, rf }) => ({ rf, copies: layout.map(({ copies }) => copies) }))),
      replicas: descending(shown.nodes.map(({ replicas }) => replicas)),
    }
  }
}

const dueMs = (when: TimelineEntry["when"]): number => {
  if (when._tag !== "At") throw new Error("acts on real daemons have fixed times")
  return Duration.toMillis(when.at)
}

/** Plays it in both, prints what came of it, and fails if that differs. */
export const differential = async (
  searchd: string,
  manticore: Manticore["Service"],
  options: { readonly keep: boolean; readonly note: (text: string) => void },
): Promise<void> => {
  const scenario = readScenario()
  const simulated = seeds.map((seed) => simulate(scenario, seed))
  const settings = Object.entries(scenario.settings).map(
    ([name, value]) => `  ${name}: ${Duration.isDuration(value) ? `${Duration.toMillis(value)}ms` : String(value)}`,
  )
  const cluster = new RealCluster(searchd, ["engine:", ...settings])
  let keep = true
  try {
    const rows = compare(await new RealRun(scenario, cluster, manticore).play(options.note), simulated)
    for (const line of renderRows(rows)) options.note(line)
    const different = rows.filter(({ agrees }) => !agrees)
    if (different.length > 0) throw new Error(`${different.map(({ what }) => what).join(", ")}: not as simulated`)
    keep = options.keep
  } catch (error) {
    options.note(`logs are in ${cluster.folder}`)
    throw error
  } finally {
    await cluster.end(keep)
  }
}
