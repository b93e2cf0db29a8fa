/**
 * `sim serve`: the nodes of a scenario's cluster as MySQL servers on loopback, until SIGINT or SIGTERM.
 */
import { renderColumns } from "@shardwright/core/Columns"
import { loadScenarios } from "@shardwright/sim/scenario/ScenarioFile"
import { printProblems } from "@shardwright/sim/scenario/ScenarioProblem"
import { PortProblem, serve, type Served } from "@shardwright/sim/serve/Serve"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { Screen } from "../cli/Screen.ts"

/** What the command line asked for. */
export interface SimServeOptions {
  readonly scenario: string
  readonly basePort: number
  readonly controlPort: number
  readonly speed: number | "max"
  readonly seed: Option.Option<number>
  readonly json: boolean
}

export const simServe = Effect.fnUntraced(function* (options: SimServeOptions) {
  const screen = yield* Screen
  const { scenarios, problems } = loadScenarios([options.scenario])
  if (problems.length > 0) return yield* badInput(printProblems(problems), { problems })
  const [loaded, ...others] = scenarios
  if (loaded === undefined || others.length > 0) {
    return yield* badInput(`${options.scenario} has ${scenarios.length} scenarios; name the file of one`)
  }
  const { scenario, file } = loaded
  const ended = Promise.withResolvers<void>()
  // What fails before anybody waits for the end fails the start as well.
  ended.promise.catch(() => {})
  // Listens before there is anything to end, so that an early signal is not lost.
  const stop = () => ended.resolve()
  process.once("SIGINT", stop).once("SIGTERM", stop)
  yield* Effect.acquireUseRelease(
    Effect.tryPromise({
      try: () =>
        serve({
          scenario,
          seed: Option.getOrElse(options.seed, () => scenario.seed),
          speed: options.speed,
          basePort: options.basePort,
          controlPort: options.controlPort,
          failed: (error) => ended.reject(error),
        }),
      catch: (error) => error,
    }),
    (served) => {
      if (options.json) {
        const { nodes, control } = served
        screen.print(JSON.stringify({ scenario: scenario.name, file, speed: options.speed, nodes, control }))
      } else for (const line of servedText(scenario.name, served)) screen.print(line)
      return Effect.tryPromise({ try: () => ended.promise, catch: (error) => error })
    },
    (served) => Effect.sync(() => served.close()),
  ).pipe(
    Effect.catch((error) =>
      error instanceof PortProblem
        ? badInput(`${error.message}; choose another --base-port or --control-port, or 0 for free ones`)
        : Effect.die(error),
    ),
    Effect.ensuring(Effect.sync(() => process.off("SIGINT", stop).off("SIGTERM", stop))),
  )
})

const servedText = (name: string, { nodes, control }: Served): ReadonlyArray<string> => [
  ...renderColumns([
    ["node", "address", "MySQL on"],
    ...nodes.map(({ node, address, host, port }) => [node, address, `${host}:${port}`]),
  ]),
  "",
  `The cluster of ${name}, without the engine. To connect: mysql -h ${nodes[0]?.host ?? ""} -P ${nodes[0]?.port ?? ""}`,
  `Faults: POST ${control.url}/kill {"node": "n1"}, …; GET ${control.url}/state. Ctrl-C ends it.`,
]
