/**
 * How finished records go for good. They have left the listing long ago; here their rows are deleted, after the time for
 * which people may want to read them. The age alone deletes nothing: the records, and what daemons show, must prove that
 * nobody can need them. No name or id is ever used twice, so that a row that comes late finds nothing to bring back.
 *
 * What operations leave on daemons (temporary groups, drafts, shards of creations that failed) has no age at all: it goes
 * as soon as its records prove that it is over, see `converge`.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { journal } from "../Journal.ts"
import { monotonicMs } from "../Monotonic.ts"
import { isOver } from "../plan/release.ts"
import { Group, Request } from "../State.ts"
import type { Entry } from "../StateStore.ts"
import type { View } from "../View.ts"
import type { LeaderContext, LeaderError } from "./LeaderContext.ts"

/** Rows that one look deletes at most, of each table. */
const rowsMax = 200

const decodeGroup = Schema.decodeUnknownExit(Group)
const decodeRequest = Schema.decodeUnknownExit(Request)

/** True while an operation is under way, or a record names it. */
const isNeeded = (view: View, operation: string): boolean =>
  view.operations.has(operation) ||
  [...view.tables.values(), ...view.groups.values()].some(({ record }) => record.operation === operation)

/** True if the records and what daemons show prove that nobody can need a record that has left the listing. */
export const isDisposable = (view: View, { key, value }: Entry): boolean => {
  const [kind, name = ""] = key.split("/")
  switch (kind) {
    case "step":
      return !isNeeded(view, name)
    case "operation":
      // Those that are named as having ended are still told about, and may be reset.
      return !isNeeded(view, name) && view.finished?.record.operations.some(({ id }) => id === name) !== true
    case "request": {
      const request = decodeRequest(value)
      if (Exit.isFailure(request) || view.requests.has(name)) return false
      const { operation, status } = request.value
      return (status === "done" || status === "refused") && (operation === null || !isNeeded(view, operation))
    }
    case "group": {
      const group = decodeGroup(value)
      if (Exit.isFailure(group) || view.groups.has(name)) return false
      const isShown = [...view.observations.values()].some(({ record }) => record.groups[name] !== undefined)
      return isOver(group.value) && !isShown
    }
    default:
      return false
  }
}

/** Deletes rows that are old enough and needed by nobody, when it is time to. */
export const cleanUp = Effect.fnUntraced(function* (
  { config, memory, node, store }: LeaderContext,
  view: View,
): Effect.fn.Return<void, LeaderError> {
  if (!memory.dueForCleanUp(yield* monotonicMs, Duration.toMillis(config.cleanUpInterval))) return
  const nowMs = yield* Clock.currentTimeMillis
  for (const [table, retention] of [
    ["queue", config.queueRetention],
    ["state", config.stateRetention],
  ] as const) {
    const old = yield* store.retired(table, nowMs - Duration.toMillis(retention), rowsMax)
    const keys = old.filter((entry) => isDisposable(view, entry)).map(({ key }) => key)
    if (keys.length === 0) continue
    yield* store.remove(keys)
    yield* journal({ kind: "finding", node, code: "records-deleted", detail: `${keys.length} of the ${table}` })
  }
})
