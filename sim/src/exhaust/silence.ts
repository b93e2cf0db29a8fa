/**
 * What must hold while a fault lasts: every operation that is live goes on, or says with a code what it waits for.
 */
import { progressOf } from "@shardwright/core/operation/progress"
import { isLive, type Operation } from "@shardwright/core/State"
import type { View } from "@shardwright/core/View"
import * as Duration from "effect/Duration"
import type { Judged } from "../run/Conditions.ts"

/** An operation goes on if anything of it changed within this time: a statement may take 15 s to be given up. */
const movesWithinMicros = 20_000_000

/** Registered nodes whose heartbeat stands still, or whose daemon is down. */
const awayNodes = ({ simulation, context }: Judged): ReadonlySet<string> => {
  const silentMicros = Duration.toMillis(context.config.awayAfter) * 1000
  return new Set(
    simulation.members
      .map((name) => simulation.address(name))
      .filter((address, index) => {
        const lastMicros = simulation.state.lastBeatMicros(address) ?? 0
        const isDown = !simulation.isUp(simulation.members[index] ?? "")
        return isDown || simulation.queue.nowMicros - lastMicros > silentMicros
      }),
  )
}

/** The steps of its undo count as well: they are numbered on from those of its plan. */
const lastChangeMicros = ({ simulation }: Judged, view: View, { id, steps }: Operation): number => {
  const last = Math.max(steps, ...(view.steps.get(id) ?? []).map(({ record }) => record.index + 1))
  const keys = [`operation/${id}`, ...Array.from({ length: last }, (_, index) => `step/${id}/${index}`)]
  return Math.max(...keys.map((key) => simulation.state.get(key)?.atMicros ?? 0))
}

/**
 * Operations that neither go on nor say what they wait for, in words. None while the coordination cluster has no majority:
 * nobody can write down anything then.
 */
export const silentOperations = (inside: Judged): ReadonlyArray<string> => {
  const { simulation } = inside
  if (simulation.upMembers.length * 2 <= simulation.members.length) return []
  const view = simulation.state.view()
  const away = awayNodes(inside)
  return [...view.operations.values()].flatMap(({ record }) => {
    if (!isLive(record) || record.status === "paused") return []
    const { waiting, steps } = progressOf(view, record, simulation.nowMs, away)
    const standsMicros = simulation.queue.nowMicros - lastChangeMicros(inside, view, record)
    return waiting !== null || standsMicros < movesWithinMicros
      ? []
      : [
          `${record.kind} ${record.id} is ${record.status}, stands at ${steps.done} of ${steps.total} steps for ${Math.round(standsMicros / 1_000_000)} s and waits for nothing`,
        ]
  })
}
