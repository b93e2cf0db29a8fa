/** What SHOW SHARDING … shows: the records, as rows. */
import { findings } from "@shardwright/core/Findings"
import * as Operator from "@shardwright/core/Operator"
import * as Effect from "effect/Effect"
import type { ColumnType, Outcome } from "./HelperProtocol.ts"
import type { ShownList } from "./Statement.ts"

type Cell = string | number
const rows = (
  columns: ReadonlyArray<readonly [string, ColumnType]>,
  lines: ReadonlyArray<ReadonlyArray<Cell>>,
): Outcome => ({ _tag: "Rows", columns, rows: lines })

const statusColumns = [
  ["table", "string"],
  ["shard", "long long"],
  ["node", "string"],
  ["status", "string"],
  ["cluster", "string"],
  ["replication_cluster", "string"],
  ["rf", "long long"],
  ["rf_status", "string"],
] as const

/**
 * A row for each copy, in the columns of the daemon's own helper. `inactive`: its node is away. `pending`: it is being made, or was
 * not verified yet. `rf_status`: `ok` if as many copies can be counted on as were asked for, `degraded`, or `broken` if none can.
 */
export const statusRows = (
  { away, view }: Operator.Looked,
  coordination: string,
  only: string | undefined,
): Outcome => {
  const tables = [...view.tables.values()]
    .map(({ record }) => record)
    .filter(({ name, status }) => status !== "dropped" && (only === undefined || name === only))
  const lines = tables.flatMap((table) =>
    table.layout.flatMap(({ group: name, nodes, shard }) => {
      const group = name === null ? undefined : view.groups.get(name)?.record
      const statusOf = (node: string): string =>
        away.has(node)
          ? "inactive"
          : table.status === "ready" && (group === undefined || group.inSync.includes(node))
            ? "active"
            : "pending"
      const sound = nodes.filter((node) => statusOf(node) === "active").length
      const health = sound >= table.rf ? "ok" : sound > 0 ? "degraded" : "broken"
      return nodes
        .toSorted()
        .map((node) => [table.name, shard, node, statusOf(node), coordination, name ?? "", table.rf, health])
    }),
  )
  return rows(statusColumns, lines)
}

const texts = (...names: ReadonlyArray<string>): ReadonlyArray<readonly [string, ColumnType]> =>
  names.map((name) => [name, "string"])

const time = (ms: number | undefined): string => (ms === undefined ? "" : new Date(ms).toISOString())

/** Lists that name nothing. */
export const listed = Effect.fnUntraced(function* (what: ShownList, operator: Operator.OperatorOptions) {
  switch (what) {
    case "operations": {
      const standings = yield* Operator.operations(operator)
      return rows(
        [...texts("operation", "kind", "table", "status"), ["percentage", "long long"], ...texts("waits", "reason")],
        standings.map(({ operation: { id, kind, reason, status, table }, progress }) => [
          id,
          kind,
          table ?? "",
          status,
          progress.percentage,
          progress.waiting === null ? "" : `${progress.waiting.code}: ${progress.waiting.detail}`,
          reason,
        ]),
      )
    }
    case "history": {
      const ended = yield* Operator.history(operator)
      return rows(
        texts("operation", "kind", "table", "status", "by", "at", "reason", "error"),
        ended.map(({ error, history, id, kind, reason, status, table }) => [
          id,
          kind,
          table ?? "",
          status,
          history.at(0)?.by ?? "",
          time(history.at(-1)?.atMs),
          reason,
          error ?? "",
        ]),
      )
    }
    case "master":
    case "nodes":
    case "groups":
    case "findings":
      return shown(what, yield* Operator.look(operator), operator)
  }
})

const shown = (
  what: "master" | "nodes" | "groups" | "findings",
  { away, isCurrent, seen, view }: Operator.Looked,
  { config }: Operator.OperatorOptions,
): Outcome => {
  switch (what) {
    case "master": {
      const lease = view.lease?.record
      const line =
        lease === undefined || lease.released ? [] : [[lease.holder, away.has(lease.holder) ? "inactive" : "active"]]
      return rows(texts("node", "status"), line)
    }
    case "nodes":
      return rows(
        [...texts("node", "state", "status", "zone"), ["groups", "long long"], ["replicas", "long long"]],
        Object.entries(view.registry?.record.nodes ?? {}).map(([node, { fenced, state, zone }]) => [
          node,
          state,
          fenced === true ? "fenced" : away.has(node) ? "inactive" : "active",
          zone ?? "",
          [...view.groups.values()].filter(
            ({ record }) => record.status !== "dissolved" && record.members.includes(node),
          ).length,
          [...view.tables.values()].flatMap(({ record }) => record.layout).filter(({ nodes }) => nodes.includes(node))
            .length,
        ]),
      )
    case "groups":
      return rows(
        [...texts("group", "status"), ["rf", "long long"], ["shards", "long long"], ...texts("in_sync", "members")],
        [...view.groups.values()]
          .map(({ record }) => record)
          .filter(({ status }) => status !== "dissolved")
          .map(({ inSync, members, name, rf, shards, status }) => [
            name,
            status,
            rf,
            shards.length,
            inSync.join(","),
            members.join(","),
          ]),
      )
    case "findings":
      return rows(
        texts("severity", "code", "subject", "detail", "recommendation"),
        findings(view, { presence: { away, lost: new Set() }, config, coordination: seen, isCurrent }).map(
          ({ code, detail, recommendation, severity, subject }) => [severity, code, subject, detail, recommendation],
        ),
      )
  }
}
