/**
 * The timeline of a scenario with nothing left to chance or to circumstances: each act at the moment when it was carried
 * out, with the nodes that it hit and for as long as it lasted.
 */
import * as Duration from "effect/Duration"
import type { Decision } from "../run/TimelineRunner.ts"
import { type Fault, isFault } from "../scenario/Fault.ts"
import type { Scenario, TimelineEntry } from "../scenario/Scenario.ts"
import { entryTo } from "../scenario/TimelineCodec.ts"
import type { EntrySource } from "../scenario/TimelineSource.ts"

/** A list of one node is written as its name. */
const withNames = (fault: Fault): Fault =>
  "node" in fault && Array.isArray(fault.node) && fault.node.length === 1 ? { ...fault, node: fault.node[0] } : fault

/** What was decided, as an entry of a timeline, and as that is written. */
export const asEntry = ({
  atMs,
  act,
  lastsMs,
}: Decision): { readonly entry: TimelineEntry; readonly source: EntrySource } => {
  const lasts = lastsMs === null ? null : Duration.millis(Math.round(lastsMs))
  const entry: TimelineEntry = {
    when: { _tag: "At", at: Duration.millis(Math.max(0, atMs)) },
    act: isFault(act) ? withNames(act) : act,
    course:
      lasts === null || !isFault(act) ? null : { probability: null, repeat: null, lasts: { min: lasts, max: lasts } },
  }
  return { entry, source: entryTo(entry) }
}

/** The scenario with its timeline as it was carried out. */
export const resolveTimeline = (scenario: Scenario, decisions: ReadonlyArray<Decision>): Scenario => ({
  ...scenario,
  timeline: decisions.map((decision) => asEntry(decision).entry),
})
