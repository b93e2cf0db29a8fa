/**
 * `node …`: the nodes of a cluster.
 */
import * as Operator from "@shardwright/core/Operator"
import type { OperatorOptions } from "@shardwright/core/Operator"
import type { View } from "@shardwright/core/View"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badInput } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Outcome } from "../cli/Outcome.ts"
import { Screen } from "../cli/Screen.ts"
import { counted } from "../cli/text.ts"
import { connected, operatorError } from "./Connection.ts"
import type { Confirmed, ConnectionOptions, RequestOptions } from "./flags.ts"
import { ask, asks, follow } from "./requests.ts"
import { lookAt, show } from "./showing.ts"

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

const nodeStates = { drain: "draining", undrain: "active" } as const

/** `node drain`, `undrain` */
export const nodeChange = (what: keyof typeof nodeStates) => (options: RequestOptions & { readonly node: string }) =>
  ask(options, { _tag: "SetNodeState", node: options.node, state: nodeStates[what] })

/** `node maintenance`: returns when nothing is on its way through the node any more, so that its daemon can be stopped. */
export const nodeMaintenance = Effect.fnUntraced(function* (options: RequestOptions & { readonly node: string }) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const { dryRun, json, node, timeout } = options
  const { document, lines } = yield* asks(options, { _tag: "SetNodeState", node, state: "maintenance" })
  if (dryRun || outcome.exitCode() !== ExitCode.ok) {
    if (json) return screen.print(JSON.stringify(document))
    for (const line of lines) screen.print(line)
    return
  }
  const waits = yield* connected(options, (operator) =>
    settled(operator, timeout, (looked) => Operator.restRefusal(looked, node)),
  )
  if (waits !== undefined) outcome.add(ExitCode.liveness)
  if (json) return screen.print(JSON.stringify({ ...document, waits: waits ?? null }))
  screen.print(
    waits === undefined
      ? `${screen.paint.good("✓")} ${node} is in maintenance, and nothing is sent there that others serve: its daemon can be stopped`
      : `… ${node} is in maintenance, and its daemon is not to be stopped yet: ${waits}`,
  )
}, operatorError)

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

/** What a node holds that keeps it from leaving. */
interface Holdings {
  readonly groups: number
  readonly replicas: number
}

const holdingsOf = (view: View, node: string): Holdings => ({
  groups: [...view.groups.values()].filter(
    ({ record }) =>
      record.status !== "dissolved" && [...record.members, ...record.leaving, ...record.exiled].includes(node),
  ).length,
  replicas: [...view.tables.values()].flatMap(({ record }) => record.layout).filter(({ nodes }) => nodes.includes(node))
    .length,
})

const holdingsText = ({ groups, replicas }: Holdings): string =>
  `${counted(replicas, "replica")} in ${counted(groups, "group")}`

const lookPause = Duration.millis(400)

/** Waits until nothing is in the way any more. Answers what still is when the patience is over. */
const settled = Effect.fnUntraced(function* (
  operator: OperatorOptions,
  patience: Duration.Duration,
  inTheWay: (looked: Operator.Looked) => string | undefined,
  meanwhile: (looked: Operator.Looked) => string = (looked) => inTheWay(looked) ?? "",
) {
  const screen = yield* Screen
  const untilMs = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
  for (;;) {
    const looked = yield* Effect.option(Operator.look(operator))
    const refusal = Option.map(looked, inTheWay)
    if (Option.isSome(refusal) && refusal.value === undefined) break
    if (Option.isSome(looked)) screen.status(meanwhile(looked.value))
    if ((yield* Clock.currentTimeMillis) > untilMs) {
      screen.status("")
      return Option.getOrUndefined(refusal) ?? `${operator.node} does not answer`
    }
    yield* Effect.sleep(lookPause)
  }
  screen.status("")
  return undefined
})

/** Waits until a node may leave. Answers why it may not when the patience is over; undefined: it may. */
const emptied = (operator: OperatorOptions, patience: Duration.Duration) =>
  settled(
    operator,
    patience,
    (looked) => Operator.leaveRefusal(looked, operator),
    ({ view }) => `${operator.node} still holds ${holdingsText(holdingsOf(view, operator.node))}`,
  )

/** `node remove NODE`: a node that holds nothing leaves for good; with `--drain` it is emptied before. */
export const nodeRemove = Effect.fnUntraced(function* (
  options: RequestOptions & Confirmed & { readonly node: string; readonly drain: boolean },
) {
  const screen = yield* Screen
  const outcome = yield* Outcome
  const { drain, dryRun, json, node, timeout } = options
  if (!dryRun)
    yield* confirm(
      options,
      `${node} leaves the cluster for good${drain ? ", once all that it holds is elsewhere" : ""}`,
    )
  const ended = yield* connected(options, (asked) =>
    Effect.gen(function* () {
      const operator = { ...asked, node }
      const looked = yield* lookAt(asked)
      const registered = Object.keys(looked.view.registry?.record.nodes ?? {})
      if (!registered.includes(node))
        return yield* badInput(`node ${node} is not registered; there are: ${registered.join(", ") || "none"}`)
      if (looked.away.has(node)) {
        return yield* new Operator.OperatorError({
          message: `${node} is away: start it first; if it and what it holds will never start again: shardwright node forget ${node}`,
        })
      }
      const refusal = Operator.leaveRefusal({ ...looked }, operator)
      const holdings = holdingsOf(looked.view, node)
      if (dryRun || (refusal !== undefined && !drain))
        return { left: false, holdings, refusal, isCurrent: looked.isCurrent }
      if (refusal !== undefined) {
        const wish = { _tag: "SetNodeState", node, state: "draining" } as const
        const { isOver, request } = yield* follow(asked, options, wish)
        if (!isOver || request.status === "refused")
          return { left: false, holdings, refusal: request.answer ?? "nobody leads", isCurrent: true }
        const late = yield* emptied(operator, timeout)
        if (late !== undefined) {
          outcome.add(ExitCode.liveness)
          const now = yield* Operator.look(asked)
          return { left: false, holdings: holdingsOf(now.view, node), refusal: late, isCurrent: true }
        }
      }
      yield* Operator.leaveCluster(operator)
      return { left: true, holdings: { groups: 0, replicas: 0 }, refusal: undefined, isCurrent: true }
    }),
  )
  const { holdings, isCurrent, left, refusal } = ended
  if (!left && !dryRun && outcome.exitCode() !== ExitCode.liveness) outcome.add(ExitCode.correctness)
  if (json) return screen.print(JSON.stringify({ node, left, ...holdings, reason: refusal ?? null }))
  if (left) return screen.print(`${node} has left.`)
  if (refusal === undefined) return screen.print(`${node} would leave; nothing is on it`)
  const held = `${refusal} (it holds ${holdingsText(holdings)})`
  if (!dryRun || !drain) screen.print(`${screen.paint.bad("✗")} ${held}`)
  else screen.print(`${node} would be drained and then leave; it holds ${holdingsText(holdings)}`)
  if (!drain && isCurrent) screen.print(`  shardwright node remove ${node} --drain empties it first`)
}, operatorError)
