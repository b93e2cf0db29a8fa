/**
 * What the commands for a real cluster do: read the records and show them, or ask for something.
 */
import { findings, type Finding } from "@shardwright/core/Findings"
import * as Operator from "@shardwright/core/Operator"
import type { Table } from "@shardwright/core/State"
import { rfProblem, tableWishProblem } from "@shardwright/core/TableWish"
import { askSettings } from "@shardwright/manticore/Listeners"
import { renderColumns } from "@shardwright/core/Columns"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { connected, nodeAt, operatorError } from "./Connection.ts"
import { operationDocument, progressText } from "./describeOperation.ts"
import type { ConnectionOptions, RequestOptions } from "./flags.ts"
import { ask } from "./requests.ts"

/** Looks at the records, and says so if they may be old. */
const lookAt = Effect.fnUntraced(function* (operator: Operator.OperatorOptions) {
  const screen = yield* Screen
  const looked = yield* Operator.look(operator)
  if (!looked.isCurrent) {
    screen.note(
      `${operator.config.coordination} takes no writes on ${operator.node}, so this may be old; if its majority is gone for good: shardwright recover`,
    )
  }
  return looked
})

/** Prints a document, or a table of columns. */
const show = Effect.fnUntraced(function* (
  { json }: ConnectionOptions,
  document: unknown,
  rows: ReadonlyArray<ReadonlyArray<string>>,
) {
  const screen = yield* Screen
  if (json) return screen.print(JSON.stringify(document))
  for (const line of renderColumns(rows)) screen.print(line)
})

/** `CLUSTER:NAME` or `NAME`. */
const splitName = (name: string, options: ConnectionOptions): readonly [string, ConnectionOptions] => {
  const colon = name.indexOf(":")
  return colon < 0
    ? [name, options]
    : [name.slice(colon + 1), { ...options, cluster: Option.some(name.slice(0, colon)) }]
}

// ------------------------------------------------------------------------------------------------------ cluster

/** What a new node is registered with. */
export interface Traits {
  readonly zone: Option.Option<string>
  readonly weight: number
}

const traits = ({ weight, zone }: Traits) => ({ weight, ...(Option.isSome(zone) ? { zone: zone.value } : {}) })

/** `cluster init` */
export const clusterInit = Effect.fnUntraced(function* (options: ConnectionOptions & Traits) {
  const screen = yield* Screen
  const { cluster, node } = yield* connected(options, (operator) =>
    Effect.as(Operator.initCluster({ ...operator, ...traits(options) }), {
      node: operator.node,
      cluster: operator.config.coordination,
    }),
  )
  if (options.json) return screen.print(JSON.stringify({ cluster, node }))
  screen.print(`${cluster} is there, with ${node} as its first node.`)
  screen.print(
    `Next: shardwright cluster join ${options.connect} --connect HOST:PORT, with the MySQL listener of each other node`,
  )
}, operatorError)

const askPatience = Duration.seconds(3)

/** The binary listener of a node that is named by any of its listeners. */
const memberAt = Effect.fnUntraced(function* (address: string) {
  const asBinary = yield* askSettings(address, askPatience)
  return asBinary === undefined ? yield* nodeAt(address) : address
})

/** `cluster join AT` */
export const clusterJoin = Effect.fnUntraced(function* (options: ConnectionOptions & Traits & { readonly at: string }) {
  const screen = yield* Screen
  const at = yield* connected({ ...options, connect: options.at }, ({ config, node }) =>
    Effect.succeed({ config, node }),
  ).pipe(
    Effect.catch(() =>
      connected(options, ({ config }) => Effect.map(memberAt(options.at), (node) => ({ config, node }))),
    ),
  )
  const node = yield* connected(options, (operator) =>
    Effect.as(
      Operator.joinCluster({ node: operator.node, config: at.config, at: at.node, ...traits(options) }),
      operator.node,
    ),
  )
  if (options.json) return screen.print(JSON.stringify({ cluster: at.config.coordination, node, at: at.node }))
  screen.print(`${node} is in ${at.config.coordination}.`)
}, operatorError)

/** `cluster leave` */
export const clusterLeave = Effect.fnUntraced(function* (options: ConnectionOptions & Confirmed) {
  const screen = yield* Screen
  yield* confirm(options, `The node at ${options.connect} leaves the cluster`)
  const node = yield* connected(options, (operator) => Effect.as(Operator.leaveCluster(operator), operator.node))
  screen.print(options.json ? JSON.stringify({ node }) : `${node} has left.`)
}, operatorError)

/** `cluster status` */
export const clusterStatus = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { cluster, looked, node } = yield* connected(options, (operator) =>
    Effect.map(lookAt(operator), (it) => ({
      looked: it,
      node: operator.node,
      cluster: operator.config.coordination,
    })),
  )
  const { away, seen, view } = looked
  const lease = view.lease?.record
  const leader = lease === undefined || lease.released ? null : lease.holder
  const registered = Object.keys(view.registry?.record.nodes ?? {})
  const document = {
    cluster,
    node,
    registered,
    seen,
    away: [...away],
    leader,
    term: lease?.term ?? 0,
    epoch: view.registry?.record.epoch ?? 0,
    tables: [...view.tables.values()].filter(({ record }) => record.status !== "dropped").length,
    groups: [...view.groups.values()].filter(({ record }) => record.status !== "dissolved").length,
    operations: view.operations.size,
  }
  yield* show(options, document, [
    ["cluster", cluster],
    ["nodes", `${seen.length} of ${registered.length} registered are seen by ${node}`],
    ["away", [...away].join(", ") || "none"],
    ["leader", `${leader ?? "none"} (term ${document.term})`],
    ["tables", String(document.tables)],
    ["groups", String(document.groups)],
    ["operations", String(document.operations)],
  ])
}, operatorError)

// -------------------------------------------------------------------------------------------------------- nodes

/** `node list` */
export const nodeList = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { away, view } = yield* connected(options, lookAt)
  const nodes = Object.entries(view.registry?.record.nodes ?? {}).map(([name, traits]) => ({
    name,
    state: traits.state,
    present: !away.has(name) && traits.fenced !== true,
    fenced: traits.fenced === true,
    zone: traits.zone,
    weight: traits.weight,
    gated: view.observations.get(name)?.record.gated === true,
    groups: [...view.groups.values()].filter(
      ({ record }) => record.status !== "dissolved" && record.members.includes(name),
    ).length,
    replicas: [...view.tables.values()].reduce(
      (sum, { record }) => sum + record.layout.filter(({ nodes }) => nodes.includes(name)).length,
      0,
    ),
  }))
  yield* show(options, { nodes }, [
    ["node", "state", "", "zone", "weight", "groups", "replicas"],
    ...nodes.map((node) => [
      node.name,
      node.state,
      node.fenced ? "fenced" : node.present ? "" : "away",
      node.zone ?? "",
      String(node.weight),
      String(node.groups),
      String(node.replicas),
    ]),
  ])
}, operatorError)

/** What a command that cannot be taken back was told in advance. */
interface Confirmed {
  readonly yes: boolean
}

const nodeStates = { drain: "draining", undrain: "active", maintenance: "maintenance" } as const

/** `node drain`, `undrain`, `maintenance` */
export const nodeChange = (what: keyof typeof nodeStates) => (options: RequestOptions & { readonly node: string }) =>
  ask(options, { _tag: "SetNodeState", node: options.node, state: nodeStates[what] })

/** `node forget` */
export const nodeForget = Effect.fnUntraced(function* (
  options: RequestOptions & Confirmed & { readonly node: string },
) {
  yield* confirm(options, `What ${options.node} alone holds is given up for good`)
  yield* ask(options, { _tag: "ForgetNode", node: options.node })
})

/** `node replace OLD NEW` */
export const nodeReplace = (options: RequestOptions & { readonly old: string; readonly new: string }) =>
  ask(options, { _tag: "ReplaceNode", old: options.old, new: options.new })

// ------------------------------------------------------------------------------------------------------- tables

/** `table create` */
export const tableCreate = Effect.fnUntraced(function* (
  options: RequestOptions & {
    readonly name: string
    readonly structure: string
    readonly shards: number
    readonly rf: number
    readonly option: Option.Option<Readonly<Record<string, string>>>
  },
) {
  const [table, where] = splitName(options.name, options)
  const wish = {
    _tag: "CreateTable" as const,
    table,
    structure: options.structure,
    options: Option.getOrElse(options.option, () => ({})),
    shards: options.shards,
    rf: options.rf,
  }
  const problem = tableWishProblem(wish)
  if (problem !== undefined) return yield* badInput(problem)
  yield* ask({ ...options, ...where }, wish)
})

/** `table drop` */
export const tableDrop = Effect.fnUntraced(function* (options: RequestOptions & Confirmed & { readonly name: string }) {
  const [table, where] = splitName(options.name, options)
  if (!options.dryRun) yield* confirm(options, `Table ${table} and all its rows go`)
  yield* ask({ ...options, ...where }, { _tag: "DropTable", table })
})

/** `table set-rf` */
export const tableSetRf = (options: RequestOptions & { readonly names: ReadonlyArray<string>; readonly rf: number }) =>
  ask(options, { _tag: "SetRf", tables: [...options.names], rf: options.rf })

const tableDocument = (table: Table) => ({
  name: table.name,
  status: table.status,
  shards: table.shards,
  rf: table.rf,
  structure: table.structure,
  options: table.options,
  operation: table.operation,
  layout: table.layout,
})

/** `table list` */
export const tableList = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { view } = yield* connected(options, lookAt)
  const tables = [...view.tables.values()].map(({ record }) => record).filter(({ status }) => status !== "dropped")
  yield* show(options, { tables: tables.map(tableDocument) }, [
    ["table", "status", "shards", "rf", "operation"],
    ...tables.map(({ name, operation, rf, shards, status }) => [
      name,
      status,
      String(shards),
      String(rf),
      operation ?? "",
    ]),
  ])
}, operatorError)

/** `table show NAME` and `table status NAME`: each shard with its copies and how they are. */
export const tableShow = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly name: string }) {
  const [name, where] = splitName(options.name, options)
  const { away, view } = yield* connected(where, lookAt)
  const table = view.tables.get(name)?.record
  if (table === undefined || table.status === "dropped") {
    const known = [...view.tables.values()].flatMap(({ record }) => (record.status === "dropped" ? [] : [record.name]))
    return yield* badInput(`there is no sharded table '${name}'; there are: ${known.join(", ") || "none"}`)
  }
  const shards = table.layout.map(({ group, nodes, physical, shard }) => {
    const record = group === null ? undefined : view.groups.get(group)?.record
    const inSync = nodes.filter((node) => !away.has(node) && (record === undefined || record.inSync.includes(node)))
    return { shard, physical, group, nodes, inSync, copies: inSync.length, wanted: table.rf }
  })
  yield* show(options, { ...tableDocument(table), shards }, [
    ["shard", "group", "copies", "nodes"],
    ...shards.map(({ copies, group, inSync, nodes, shard, wanted }) => [
      String(shard),
      group ?? "",
      `${copies} of ${wanted}`,
      nodes.map((node) => (inSync.includes(node) ? node : `(${node})`)).join(" "),
    ]),
  ])
}, operatorError)

// ------------------------------------------------------------------------------------- groups, operations, health

/** `group list` */
export const groupList = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { view } = yield* connected(options, lookAt)
  const groups = [...view.groups.values()].map(({ record }) => record).filter(({ status }) => status !== "dissolved")
  yield* show(options, { groups }, [
    ["group", "status", "shards", "in sync", "members", "leaving", "exiled"],
    ...groups.map((group) => [
      group.name,
      group.status,
      String(group.shards.length),
      `${group.inSync.length} of ${group.rf}`,
      group.members.join(" "),
      group.leaving.join(" "),
      group.exiled.join(" "),
    ]),
  ])
}, operatorError)

/** `group show GROUP` */
export const groupShow = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly group: string }) {
  const { away, view } = yield* connected(options, lookAt)
  const group = view.groups.get(options.group)?.record
  if (group === undefined)
    return yield* badInput(`there is no replica group '${options.group}'; see: shardwright group list`)
  const members = [...new Set([...group.members, ...group.leaving, ...group.exiled])].map((name) => {
    const seen = view.observations.get(name)?.record.groups[group.name]
    return {
      name,
      away: away.has(name),
      inSync: group.inSync.includes(name),
      leaving: group.leaving.includes(name),
      exiled: group.exiled.includes(name),
      status: seen?.status ?? null,
      nodeState: seen?.nodeState ?? null,
      size: seen?.size ?? 0,
    }
  })
  yield* show(options, { ...group, seen: members }, [
    ["member", "", "in sync", "status", "state", "size"],
    ...members.map(({ away, exiled, inSync, leaving, name, nodeState, size, status }) => [
      name,
      away ? "away" : exiled ? "exiled" : leaving ? "leaves" : "",
      inSync ? "yes" : "no",
      status ?? "",
      nodeState ?? "",
      String(size),
    ]),
  ])
}, operatorError)

/** `group split GROUP` */
export const groupSplit = (options: RequestOptions & { readonly group: string }) =>
  ask(options, { _tag: "SplitGroup", group: options.group })

/** `group promote GROUP NODE` */
export const groupPromote = Effect.fnUntraced(function* (
  options: RequestOptions & Confirmed & { readonly group: string; readonly node: string },
) {
  const { dryRun, group, node } = options
  if (!dryRun) yield* confirm(options, `What only the other members of ${group} have acknowledged is given up`)
  yield* ask(options, { _tag: "PromoteGroup", group, node })
})

/** `group reunite GROUP NODE` */
export const groupReunite = Effect.fnUntraced(function* (
  options: RequestOptions & Confirmed & { readonly group: string; readonly keep: string },
) {
  const { dryRun, group, keep } = options
  if (!dryRun) yield* confirm(options, `What the other side of ${group} has acknowledged is reported and given up`)
  yield* ask(options, { _tag: "ReuniteGroup", group, keep })
})

/** `operation list` */
export const operationList = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const { ended, live } = yield* connected(options, (operator) =>
    Effect.all({ live: Operator.operations(operator), ended: Operator.history(operator) }),
  )
  const document = {
    operations: live.map(operationDocument),
    history: ended.map(({ error, history, id, kind, reason, status, table }) => ({
      id,
      kind,
      table,
      status,
      reason,
      error,
      history,
    })),
  }
  yield* show(options, document, [
    ["operation", "kind", "table", "status", "", "why"],
    ...live.map((standing) => [
      standing.operation.id,
      standing.operation.kind,
      standing.operation.table ?? "",
      standing.operation.status,
      `${standing.progress.percentage} %`,
      standing.progress.waiting?.detail ?? standing.operation.reason,
    ]),
    ...ended.map(({ error, id, kind, reason, status, table }) => [id, kind, table ?? "", status, "", error ?? reason]),
  ])
}, operatorError)

/** `operation show ID` */
export const operationShow = Effect.fnUntraced(function* (options: ConnectionOptions & { readonly id: string }) {
  const screen = yield* Screen
  const standing = yield* connected(options, (operator) => Operator.operationOf({ ...operator, id: options.id }))
  if (standing === undefined)
    return yield* badInput(`there is no operation '${options.id}'; see: shardwright operation list`)
  if (options.json) return screen.print(JSON.stringify(operationDocument(standing)))
  screen.print(progressText(standing))
  screen.print(standing.operation.reason)
  for (const line of standing.operation.explanation ?? []) screen.print(`  ${line}`)
  for (const { atMs, by, status, why } of standing.operation.history)
    screen.print(`${new Date(atMs).toISOString()}  ${status}  ${by}${why === "" ? "" : `: ${why}`}`)
}, operatorError)

/** What can be asked of an operation. */
export type OperationWish = "Approve" | "Pause" | "Resume"

/** `operation approve`, `rebalance pause`, … */
export const operationChange = (tag: OperationWish) => (options: RequestOptions & { readonly operation: string }) =>
  ask(options, { _tag: tag, operation: options.operation })

/** `operation reset` */
export const operationReset = (options: RequestOptions & { readonly operation: string; readonly start: boolean }) =>
  ask(options, { _tag: "Reset", operation: options.operation, start: options.start })

/** `rebalance stop` */
export const operationStop = (options: RequestOptions & { readonly operation: string; readonly now: boolean }) =>
  ask(options, { _tag: "Stop", operation: options.operation, now: options.now })

/** `rebalance start [TABLE…]` */
export const rebalanceStart = (options: RequestOptions & { readonly names: ReadonlyArray<string> }) =>
  ask(options, { _tag: "Rebalance", tables: options.names.length === 0 ? null : [...options.names] })

/** `adopt` */
export const adopt = Effect.fnUntraced(function* (
  options: RequestOptions & { readonly rf: Option.Option<Readonly<Record<string, string>>> },
) {
  const rf: Record<string, number> = {}
  for (const [table, text] of Object.entries(Option.getOrElse(options.rf, () => ({})))) {
    const problem = rfProblem(Number(text))
    if (problem !== undefined) return yield* badInput(`--rf ${table}=${text}: ${problem}`)
    rf[table] = Number(text)
  }
  yield* ask(options, { _tag: "Adopt", rf })
})

/** `health` */
export const health = Effect.fnUntraced(function* (options: ConnectionOptions) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const found = yield* connected(options, (operator) =>
    Effect.map(lookAt(operator), ({ away, seen, view }): ReadonlyArray<Finding> =>
      findings(view, {
        presence: { away, lost: new Set() },
        config: operator.config,
        coordination: seen,
      }),
    ),
  )
  const isHealthy = found.every(({ severity }) => severity === "info")
  if (!isHealthy) outcome.add(ExitCode.correctness)
  if (options.json) return screen.print(JSON.stringify({ healthy: isHealthy, findings: found }))
  if (found.length === 0) return screen.print(screen.paint.good("all is well"))
  for (const { code, detail, recommendation, severity, subject } of found) {
    screen.print(`${severity === "info" ? severity : screen.paint.bad(severity)}  ${code}  ${subject}: ${detail}`)
    screen.print(`    ${recommendation}`)
  }
}, operatorError)
