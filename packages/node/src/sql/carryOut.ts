/**
 * What a statement of ours does: it reads the records, or asks for something as the command line does and waits for the outcome.
 * Errors are worded as the daemon words them.
 */
import { Manticore } from "@shardwright/core/Manticore"
import * as Operator from "@shardwright/core/Operator"
import { isPlanned } from "@shardwright/core/plan/planWish"
import * as Sql from "@shardwright/core/Sql"
import type { Table, Wish } from "@shardwright/core/State"
import { tableWishProblem } from "@shardwright/core/TableWish"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { submitAndWait } from "../awaitRequest.ts"
import type { Outcome } from "./HelperProtocol.ts"
import { listed, statusRows } from "./listings.ts"
import type { Asking, Statement } from "./Statement.ts"

/** Who asks, on which node, and what the daemon itself said to the statement. */
export interface Asker extends Operator.OperatorOptions {
  readonly by: string
  readonly error: string
}

/** What a statement leads to; `Foreign` if it is about a table that is none of ours. */
export type CarriedOut = Outcome | { readonly _tag: "Foreign" }

const foreign: CarriedOut = { _tag: "Foreign" }
const done: CarriedOut = { _tag: "Done" }
const failed = (message: string): CarriedOut => ({ _tag: "Failed", message })

/** Between two looks at a table that is being made. */
const lookPause = Duration.millis(300)

type Of<Tag extends Statement["_tag"]> = Extract<Statement, { readonly _tag: Tag }>

/** Carries a statement out. What the engine refuses, or cannot do now, is an outcome as well. */
export const carryOut = (statement: Statement, asker: Asker): Effect.Effect<CarriedOut, never, Manticore> =>
  perform(statement, asker).pipe(
    Effect.catch((error) => Effect.succeed(isAboutOthers(statement, asker) ? foreign : failed(error.message))),
  )

const perform = (statement: Statement, asker: Asker): Effect.Effect<CarriedOut, Operator.OperatorError, Manticore> => {
  switch (statement._tag) {
    case "Create":
      return create(statement, asker)
    case "Drop":
      return drop(statement, asker)
    case "Describe":
      return describe(statement, asker)
    case "Status":
      return status(statement, asker)
    case "List":
      return listed(statement.what, asker)
    case "Ask":
      return askFor(statement, asker)
  }
}

/** The daemon says so of a wrapper that it is asked to show or to drop. */
const knowsWrapper = ({ error }: Asker): boolean => error.includes("system table")

/** Whether a statement is more likely about a table of the daemon's own, as far as can be said without the records. */
const isAboutOthers = (statement: Statement, asker: Asker): boolean =>
  (statement._tag === "Describe" || statement._tag === "Drop") && !knowsWrapper(asker)

/** A prefix names the cluster that the records are in; there is no other one that could hold sharded tables. */
const clusterProblem = (clusters: ReadonlyArray<string | undefined>, { config }: Asker): string | undefined => {
  const other = clusters.find((cluster) => cluster !== undefined && cluster !== config.coordination)
  return other === undefined
    ? undefined
    : `Cluster '${other}' does not hold sharded tables here; '${config.coordination}' does`
}

const isThere = (table: Table | undefined): table is Table => table !== undefined && table.status !== "dropped"

const create = Effect.fnUntraced(function* (statement: Of<"Create">, asker: Asker) {
  const { asking, cluster, ifNotExists, options, rf, shards, structure, table } = statement
  const wish = { _tag: "CreateTable" as const, table, structure, options, shards, rf }
  const refused = (why: string) => failed(`table '${table}': CREATE TABLE failed: ${why}`)
  const problem = clusterProblem([cluster], asker) ?? tableWishProblem(wish)
  if (problem !== undefined) return refused(problem)
  const { view } = yield* Operator.look(asker)
  const existing = view.tables.get(table)?.record
  if (isThere(existing) && existing.status !== "failed") {
    if (!ifNotExists) return refused(`table '${table}' already exists`)
    return existing.status === "creating" ? yield* untilMade(statement, asker) : done
  }
  // A table of the daemon's own: a wrapper would take its place.
  const manticore = yield* Manticore
  const own = yield* manticore.query(asker.node, Sql.showWrapper(table), asker.config.statementTimeout)
  if (existing === undefined && own._tag === "Rows")
    return ifNotExists ? done : refused(`table '${table}' already exists`)
  return yield* ask(wish, asking, asker, refused)
})

/** Somebody else is making the table: whoever asks for it if it is not there wants to write to it next. */
const untilMade = Effect.fnUntraced(function* ({ asking, table }: Of<"Create">, asker: Asker) {
  const untilMs = (yield* Clock.currentTimeMillis) + asking.timeoutSeconds * 1000
  for (;;) {
    const { view } = yield* Operator.look(asker)
    const status = view.tables.get(table)?.record.status
    if (status === "ready") return done
    if (status !== "creating") return failed(`table '${table}': CREATE TABLE failed: it is ${status ?? "gone"}`)
    if ((yield* Clock.currentTimeMillis) >= untilMs)
      return failed(`Waiting timeout exceeded. Table '${table}' is still being created; see SHOW SHARDING OPERATIONS`)
    yield* Effect.sleep(lookPause)
  }
})

const drop = Effect.fnUntraced(function* (statement: Of<"Drop">, asker: Asker) {
  const { asking, cluster, ifExists, table } = statement
  const isPrefixed = cluster !== undefined
  if (isPrefixed && clusterProblem([cluster], asker) !== undefined) return foreign
  const { view } = yield* Operator.look(asker)
  if (!isThere(view.tables.get(table)?.record)) {
    if (!isPrefixed) return foreign
    return ifExists ? done : failed(`table '${table}' is missing: DROP TABLE failed: table '${table}' must exist`)
  }
  const refused = (why: string) => failed(`table '${table}': DROP TABLE failed: ${why}`)
  return yield* ask({ _tag: "DropTable", table }, asking, asker, refused)
})

const askFor = Effect.fnUntraced(function* ({ asking, clusters, wish }: Of<"Ask">, asker: Asker) {
  const problem = clusterProblem(clusters, asker)
  return problem === undefined ? yield* ask(wish, asking, asker, failed) : failed(problem)
})

/** Asks for something and waits, or plans it only. */
const ask = Effect.fnUntraced(function* (
  wish: Wish,
  { approval, dryRun, reason, timeoutSeconds }: Asking,
  asker: Asker,
  refused: (why: string) => CarriedOut,
) {
  if (dryRun) return yield* tryOut(wish, asker)
  const options = { ...asker, wish, reason, approval }
  const { id, isOver, request } = yield* submitAndWait(options, Duration.seconds(timeoutSeconds))
  if (request?.status === "refused") return refused(request.answer ?? "it was refused")
  const operation = request?.operation ?? null
  if (isOver || (approval && operation !== null)) {
    const answer = isOver ? (request?.answer ?? "") : `operation ${operation} awaits approval`
    return answer === "" ? done : { _tag: "Done" as const, warning: answer }
  }
  const goesOn = operation === null ? `Request ${id}` : `Operation ${operation}`
  const why = request?.answer === null || request === undefined ? "" : ` (${request.answer})`
  return failed(`Waiting timeout exceeded. ${goesOn} goes on${why}; see SHOW SHARDING OPERATIONS`)
})

const tryOut = Effect.fnUntraced(function* (wish: Wish, asker: Asker) {
  if (!isPlanned(wish)) return failed("There is nothing to plan for this: it is done at once; leave dry_run out")
  const result = yield* Operator.tryOut({ ...asker, wish })
  const lines =
    result._tag === "Plan"
      ? [
          ["plan", result.plan.reason],
          ["cost", `${result.cost.steps} steps, ${result.cost.replicas} replicas`],
          ...result.explanation.map(({ reason }) => ["change", reason]),
        ]
      : [[result._tag.toLowerCase(), result.reason]]
  return {
    _tag: "Rows" as const,
    columns: [
      ["what", "string"],
      ["text", "string"],
    ] as const,
    rows: lines,
  }
})

const status = Effect.fnUntraced(function* ({ of }: Of<"Status">, asker: Asker) {
  const looked = yield* Operator.look(asker)
  const isOther = of?.cluster !== undefined && of.cluster !== asker.config.coordination
  return statusRows(looked, asker.config.coordination, isOther ? "" : of?.table)
})

/** As it was asked for, with the columns as they were given. */
const statementOf = ({ name, options, rf, shards, structure }: Table, coordination: string): string =>
  Sql.createSharded(coordination, name, structure, { shards: String(shards), rf: String(rf), ...options })

const describe = Effect.fnUntraced(function* (statement: Of<"Describe">, asker: Asker) {
  const { as, cluster, table: name } = statement
  if (!knowsWrapper(asker) && cluster === undefined) return foreign
  if (clusterProblem([cluster], asker) !== undefined) return foreign
  const { away, view } = yield* Operator.look(asker)
  const table = view.tables.get(name)?.record
  if (!isThere(table)) return foreign
  if (as === "statement") {
    const columns = [
      ["Table", "string"],
      ["Create Table", "string"],
    ] as const
    return { _tag: "Rows" as const, columns, rows: [[name, statementOf(table, asker.config.coordination)]] }
  }
  const manticore = yield* Manticore
  // Any copy of a shard has the table's columns; one of the own node is the nearest.
  const copies = table.layout.flatMap(({ nodes, physical }) => nodes.map((node) => ({ node, physical })))
  const copy =
    copies.find(({ node }) => node === asker.node) ?? copies.find(({ node }) => !away.has(node)) ?? copies.at(0)
  if (copy === undefined) return failed("Failed to find structure from local shards or agents")
  const answer = yield* manticore.query(copy.node, Sql.describe(copy.physical), asker.config.statementTimeout)
  if (answer._tag !== "Rows") return failed("Failed to find structure from local shards or agents")
  return {
    _tag: "Rows" as const,
    columns: answer.columns.map((column) => [column, "string"] as const),
    rows: answer.rows.map((row) => row.map((cell) => String(cell ?? ""))),
  }
})
