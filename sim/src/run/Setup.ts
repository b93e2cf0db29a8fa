/**
 * Brings an installation up as an operator would: daemons, the coordination cluster node by node, agents, a user's own
 * tables, and the sharded tables through requests. No fault happens meanwhile.
 */
import type { Wish } from "@shardwright/core/State"
import * as Cause from "effect/Cause"
import { keepsakeStatements } from "../check/userTables.ts"
import type { TableSpec } from "../scenario/Scenario.ts"
import { initCluster, joinCluster } from "./EngineAdapter.ts"
import { type Operators, traitsOf } from "./Operators.ts"
import type { Simulation } from "./Simulation.ts"

/** Runs the simulation until the predicate holds; false if it does not within the time. */
export type RunUntil = (predicate: () => boolean, withinMicros: number) => boolean

const second = 1_000_000
const daemonStartMicros = 5 * second
const commandMicros = 60 * second
const leaderMicros = 120 * second
const tableMicros = 300 * second

/** Starts all daemons; says which of them did not come up. */
export const startDaemons = (simulation: Simulation, runUntil: RunUntil): string | undefined => {
  for (const name of simulation.names) simulation.processes.start(name, "daemon")
  const silent = simulation.names.find((name) => !daemonAnswers(simulation, runUntil, name))
  return silent === undefined ? undefined : `the daemon of ${silent} did not come up`
}

/** What kept the installation from coming up, or undefined if nothing did. */
export const setUp = (
  simulation: Simulation,
  operators: Operators,
  runUntil: RunUntil,
  members: ReadonlyArray<string>,
  tables: ReadonlyArray<TableSpec>,
): string | undefined => {
  const silent = startDaemons(simulation, runUntil)
  if (silent !== undefined) return silent
  const [first, ...others] = members
  if (first === undefined) return "a cluster needs a node"
  const config = simulation.config
  const at = simulation.address(first)
  const initProblem = runCommand(
    simulation,
    runUntil,
    first,
    initCluster({ node: at, config, ...traitsOf(simulation, first) }),
  )
  if (initProblem !== undefined) return `init on ${first}: ${initProblem}`
  for (const name of others) {
    const join = joinCluster({ node: simulation.address(name), at, config, ...traitsOf(simulation, name) })
    const problem = runCommand(simulation, runUntil, name, join)
    if (problem !== undefined) return `join of ${name}: ${problem}`
  }
  const userProblem = makeUserTables(simulation, runUntil)
  if (userProblem !== undefined) return userProblem
  for (const name of simulation.names) simulation.processes.start(name, "agent")
  if (!runUntil(() => simulation.leader !== undefined, leaderMicros)) return "no agent became the leader"
  for (const table of tables) {
    const problem = makeTable(operators, runUntil, table)
    if (problem !== undefined) return `table ${table.name}: ${problem}`
  }
  return undefined
}

/** The request that creates a table. */
export const createWish = (table: TableSpec): Wish => ({
  _tag: "CreateTable",
  table: table.name,
  structure: table.structure,
  options: {},
  shards: table.shards,
  rf: table.rf,
  ...(table.placement === undefined ? {} : { placement: table.placement }),
})

const makeTable = (operators: Operators, runUntil: RunUntil, table: TableSpec): string | undefined => {
  const request = operators.submit(`create ${table.name}`, createWish(table))
  if (!runUntil(() => operators.outcome(request).settled, tableMicros))
    return `the request is ${operators.outcome(request).text}`
  const outcome = operators.outcome(request)
  return outcome.done ? undefined : outcome.text
}

type CommandEffect = Parameters<Simulation["command"]>[1]

const runCommand = (
  simulation: Simulation,
  runUntil: RunUntil,
  host: string,
  effect: CommandEffect,
): string | undefined => {
  let problem: string | undefined = "no answer"
  let ended = false
  simulation.command(host, effect, (exit) => {
    ended = true
    problem = exit._tag === "Success" ? undefined : Cause.pretty(exit.cause)
  })
  runUntil(() => ended, commandMicros)
  return problem
}

const daemonAnswers = (simulation: Simulation, runUntil: RunUntil, name: string): boolean => {
  let answered = false
  const connection = simulation.world.connect(null, name)
  const ask = (): void =>
    connection.query("SHOW TABLES", (answer) => {
      if (answer._tag === "Rows") answered = true
      else simulation.queue.after(50_000, ask)
    })
  ask()
  return runUntil(() => answered, daemonStartMicros)
}

const makeUserTables = (simulation: Simulation, runUntil: RunUntil): string | undefined => {
  let open = 0
  let problem: string | undefined
  for (const name of simulation.names) {
    const connection = simulation.world.connect(null, name)
    for (const sql of keepsakeStatements) {
      open++
      connection.query(sql, (answer) => {
        open--
        if (answer._tag !== "Ok") problem = `'${sql}' on ${name} was answered ${JSON.stringify(answer)}`
      })
    }
  }
  runUntil(() => open === 0, commandMicros)
  return problem
}
