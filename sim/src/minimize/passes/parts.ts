/** What can be left out: acts and faults, clients, expectations, settings, tables, nodes. */
import * as Duration from "effect/Duration"
import type { Act, Expectations, Scenario } from "../../scenario/Scenario.ts"
import { type Search, shrinkList } from "../Search.ts"

/** Faults and acts of the timeline. */
export const fewerActs = (search: Search): void =>
  shrinkList(
    () => search.current.scenario.timeline,
    (timeline) => search.try({ timeline }),
    () => search.isOver,
  )

export const fewerWorkloads = (search: Search): void =>
  shrinkList(
    () => search.current.scenario.workloads,
    (workloads) => search.try({ workloads }),
    () => search.isOver,
  )

const nothing: Expectations = {
  violation: null,
  eventually: [],
  always: [],
  final: [],
  sometimes: [],
  never: [],
  thresholds: [],
}

export const fewerExpectations = (search: Search): void => {
  const { expect } = search.current.scenario
  if (!search.isAboutExpectations) {
    search.try({ expect: nothing })
    return
  }
  for (const kind of ["eventually", "always", "final", "sometimes", "never", "thresholds"] as const)
    shrinkList<(typeof expect)[typeof kind][number]>(
      () => search.current.scenario.expect[kind],
      (items) => search.try({ expect: { ...search.current.scenario.expect, [kind]: items } }),
      () => search.isOver,
    )
}

export const fewerSettings = (search: Search): void => {
  if (Object.keys(search.current.scenario.settings).length === 0 || search.try({ settings: {} })) return
  for (const name of Object.keys(search.current.scenario.settings))
    search.try({
      settings: Object.fromEntries(Object.entries(search.current.scenario.settings).filter(([key]) => key !== name)),
    })
}

// ------------------------------------------------------------------------------------------------------------- tables

/** Whether an act is about the table. */
const isAbout = (act: Act, table: string): boolean => {
  switch (act._tag) {
    case "Create":
      return act.table.name === table
    case "SetRf":
    case "Adopt":
      return act.tables.includes(table)
    default:
      return "table" in act && act.table === table
  }
}

const withoutTable = (scenario: Scenario, name: string): Partial<Scenario> => ({
  tables: scenario.tables.filter((table) => table.name !== name),
  workloads: scenario.workloads.filter(({ table }) => table !== name),
  timeline: scenario.timeline.filter(({ act }) => !isAbout(act, name)),
})

/** Tables with all that is about them. */
export const fewerTables = (search: Search): void => {
  const names = ({ tables, timeline }: Scenario): ReadonlyArray<string> => [
    ...tables.map(({ name }) => name),
    ...timeline.flatMap(({ act }) => (act._tag === "Create" ? [act.table.name] : [])),
  ]
  for (const name of names(search.current.scenario)) search.try(withoutTable(search.current.scenario, name))
}

/** Fewer shards and copies, of tables that are there and that are made. */
export const smallerTables = (search: Search): void => {
  const names = [
    ...search.current.scenario.tables,
    ...search.current.scenario.timeline.flatMap(({ act }) => (act._tag === "Create" ? [act.table] : [])),
  ]
  for (const { name, shards, rf } of names) {
    const resize = (size: { readonly shards?: number; readonly rf?: number }): boolean => {
      const { tables, timeline } = search.current.scenario
      return search.try({
        tables: tables.map((table) => (table.name === name ? { ...table, ...size } : table)),
        timeline: timeline.map((entry) =>
          entry.act._tag === "Create" && entry.act.table.name === name
            ? { ...entry, act: { ...entry.act, table: { ...entry.act.table, ...size } } }
            : entry,
        ),
      })
    }
    for (let fewer = 1; fewer < shards; fewer++) if (resize({ shards: fewer })) break
    for (let fewer = 1; fewer < rf; fewer++) if (resize({ rf: fewer })) break
  }
}

// -------------------------------------------------------------------------------------------------------------- nodes

/** The value with one name in place of another, wherever it stands by itself. */
const renamed = <A>(value: A, from: string, to: string): A => {
  // The casts: only strings change, and they stay strings.
  if (value === from) return to as A
  if (Array.isArray(value)) return value.map((item) => renamed(item, from, to)) as A
  if (typeof value !== "object" || value === null || Duration.isDuration(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renamed(item, from, to)])) as A
}

/** The scenario with another node in the place of one that goes. */
const withNodeFor = (scenario: Scenario, gone: string, other: string): Scenario => {
  const { timeline, workloads, expect } = renamed(
    { timeline: scenario.timeline, workloads: scenario.workloads, expect: scenario.expect },
    gone,
    other,
  )
  const stays = ({ name }: { readonly name: string }): boolean => name !== gone
  const cluster = {
    ...scenario.cluster,
    nodes: scenario.cluster.nodes.filter(stays),
    spares: scenario.cluster.spares.filter(stays),
  }
  return { ...scenario, cluster, timeline, workloads, expect }
}

/** Nodes are called n1, n2, …, so that their number says it all. */
const numbered = (scenario: Scenario): Scenario => {
  const { nodes, spares } = scenario.cluster
  // By way of names that nobody has: a name may be taken by one that is still to be renamed.
  const names = [...nodes, ...spares].map(({ name }, index) => ({ from: name, by: `\0${index}`, to: `n${index + 1}` }))
  const through = names.reduce((value, { from, by }) => renamed(value, from, by), scenario)
  return names.reduce((value, { by, to }) => renamed(value, by, to), through)
}

/** Fewer nodes: what happened to one that goes happens to another, if it matters at all. */
export const fewerNodes = (search: Search): void => {
  const all = ({ cluster }: Scenario): ReadonlyArray<string> =>
    [...cluster.nodes, ...cluster.spares].map(({ name }) => name)
  const take = (gone: string): boolean => {
    const { scenario } = search.current
    const others = all(scenario).filter((name) => name !== gone)
    // The same scenario comes of every other node if nobody speaks of this one; it is run once.
    return others.some((other) =>
      search.tryCandidate({ ...search.current, scenario: numbered(withNodeFor(scenario, gone, other)) }),
    )
  }
  for (let left = all(search.current.scenario).length; left > 1 && !search.isOver; left--)
    if (!all(search.current.scenario).toReversed().some(take)) break
  const { cluster } = search.current.scenario
  const plain = cluster.nodes.map(({ name }) => ({ name, zone: null, weight: 1 }))
  search.try({ cluster: { ...cluster, nodes: plain, threads: null } })
}
