/** What a runner offers beside its agent: admin HTTP, and the SQL endpoint and traces if they are asked for. Metrics see all that the agent does. */
import { Journal, type JournalEvent } from "@shardwright/core/Journal"
import { Manticore } from "@shardwright/core/Manticore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { listenForAdmin } from "./admin/AdminServer.ts"
import { Metrics } from "./admin/Metrics.ts"
import { openTraces } from "./admin/traces.ts"
import { type Config, ConfigError } from "./Config.ts"
import type { Log } from "./Log.ts"
import { runInScope } from "./runInScope.ts"
import { listenForDaemon } from "./sql/SqlServer.ts"

/** Above the port of a node's binary listener. */
const adminPortOffset = 11_000

/** What the endpoints need of their runner. */
export interface EndpointsOptions<Ports> {
  readonly config: Config
  readonly node: string
  readonly log: Log
  readonly ports: Context.Context<Ports | Manticore>
  readonly health: () => { readonly ready: boolean; readonly state: string }
}

const split = (address: string): { readonly host: string; readonly port: number } => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

/**
 * Opens them until the scope ends. Answers the ports with a journal and a connection that are counted. Fails if an address that the
 * configuration names cannot be had; the default one of admin HTTP is done without if somebody else has it.
 */
export const openEndpoints = Effect.fnUntraced(function* <Ports>(options: EndpointsOptions<Ports>) {
  const { config, health, log, node, ports } = options
  const metrics = new Metrics()
  const manticore = metrics.measured(Context.get(ports, Manticore))
  const { otlp } = config
  const trace = otlp === undefined ? undefined : yield* openTraces({ url: otlp.url, node, cluster: config.cluster })
  const written = Context.get(ports, Journal)
  const counted = ports.pipe(
    Context.add(Manticore, manticore),
    Context.add(Journal, {
      write: (event: JournalEvent): void => {
        metrics.journal(event)
        trace?.(event)
        written.write(event)
      },
    }),
  )
  const inScope = yield* runInScope
  const run = <A>(effect: Effect.Effect<A, never, Manticore>): Promise<A> =>
    inScope(Effect.provideService(effect, Manticore, manticore))
  const failed =
    (event: string) =>
    (error: unknown): void =>
      log("error", event, { node, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  const operator = { node, config: config.engine }

  const asked = config.admin?.listen
  const { host, port } = split(asked ?? `127.0.0.1:${split(node).port + adminPortOffset}`)
  const admin = listenForAdmin({
    ...operator,
    ...{ host, port, health, metrics, run },
    token: config.admin?.token,
    failed: failed("admin.failed"),
  })
  yield* admin.pipe(
    Effect.tap((opened) => Effect.sync(() => log("info", "admin.listens", { node, listen: `${host}:${opened}` }))),
    Effect.catchDefect((error) =>
      asked === undefined
        ? Effect.sync(() => log("warn", "admin.unavailable", { node, listen: `${host}:${port}`, error: String(error) }))
        : Effect.fail(new ConfigError({ message: `admin.listen: ${asked} cannot be had (${String(error)})` })),
    ),
  )

  const { listen, upstream, users } = config.sql ?? {}
  if (listen !== undefined) {
    const sql = listenForDaemon({
      ...split(listen),
      upstream: () => (typeof upstream === "string" ? upstream : undefined),
      users,
      operator: Effect.succeed(operator),
      run,
      answered: (what, ms) => metrics.endpoint(what, ms),
      failed: failed("sql.failed"),
    })
    const opened = yield* Effect.catchDefect(sql, (error) =>
      Effect.fail(new ConfigError({ message: `sql.listen: ${listen} cannot be had (${String(error)})` })),
    )
    log("info", "sql.listens", { node, listen: `${split(listen).host}:${opened}` })
  }
  return counted
})
