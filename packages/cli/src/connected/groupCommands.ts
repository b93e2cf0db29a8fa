/**
 * `group …`: replica groups.
 */
import * as Effect from "effect/Effect"
import { badInput } from "../cli/CommandError.ts"
import { confirm } from "../cli/confirm.ts"
import { connected, operatorError } from "./Connection.ts"
import type { Confirmed, ConnectionOptions, RequestOptions } from "./flags.ts"
import { ask } from "./requests.ts"
import { lookAt, show } from "./showing.ts"

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
