/**
 * The records on the own daemon after a crash. It may have lost some of them (see `doubts`), and whoever acts on what is left
 * would take tables and groups for gone, or change rows that are not what the other nodes have. So they are compared with the
 * records on other members first.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { isUnproven } from "../Health.ts"
import { journal } from "../Journal.ts"
import { Manticore } from "../Manticore.ts"
import { monotonicMs } from "../Monotonic.ts"
import { recordsAt } from "../RecordsAt.ts"
import type { Observation } from "../State.ts"
import type * as StateStore from "../StateStore.ts"
import { makeView } from "../View.ts"
import type { AgentContext } from "./AgentContext.ts"
import { noteAnew, noteProven } from "./doubts.ts"
import { restartAlone } from "./shutOut.ts"

type Records = StateStore.Snapshot["records"]

const areSame = (mine: Records, theirs: Records): boolean =>
  mine.size === theirs.size && [...mine].every(([key, { version }]) => theirs.get(key)?.version === version)

/**
 * True once the own records may be acted on: no crash, or nobody to compare them with, or equal to another member's. If they go
 * on differing from those of all others, and one of these did not crash, they are made anew by a restart through the gate, which
 * does that on the way in already where all who serve them have them whole.
 */
export const areRecordsProven = Effect.fnUntraced(function* (agent: AgentContext, observation: Observation) {
  const { config, manticore, node, state, store } = agent
  const { coordination } = config
  if (!state.unproven.has(coordination)) return true
  const others = observation.groups[coordination]?.members.filter((member) => member !== node) ?? []
  const read = others.map((other) => Effect.map(recordsAt(other, config, "proof"), (records) => ({ other, records })))
  const told = yield* Effect.provideService(Effect.all(read, { concurrency: "unbounded" }), Manticore, manticore)
  const theirs = told.flatMap(({ other, records }) => (records === undefined ? [] : [{ other, records }]))
  const mine = (yield* store.sync).records
  state.recordsStandAlone = others.length === 0
  if (others.length === 0 || theirs.some(({ records }) => areSame(mine, records))) {
    if (others.length > 0) yield* noteProven(agent, coordination)
    state.recordsDifferSinceMs = undefined
    return true
  }
  const nowMs = yield* monotonicMs
  if (theirs.length === 0) return false
  state.recordsDifferSinceMs ??= nowMs
  if (nowMs - state.recordsDifferSinceMs < Duration.toMillis(config.awayAfter)) return false
  state.recordsDifferSinceMs = nowMs
  // What it says of itself is read in its own records.
  const whole = theirs.find(({ other, records }) => !isUnproven(makeView(records.values()), other, coordination))
  const detail = `the records of ${node} differ from those of ${theirs.map(({ other }) => other).join(", ")} since a crash`
  if (whole === undefined) {
    yield* journal({ kind: "finding", node, code: "records-differ", detail })
    return false
  }
  if ((yield* noteAnew(agent, coordination)) === undefined && (yield* restartAlone(agent, observation, detail)))
    yield* journal({ kind: "finding", node, code: "copy-made-anew", detail })
  return false
})
