/**
 * How the leader says what is amiss: into the journal, once when it has lasted, and once when it is over.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { findings } from "../Findings.ts"
import { journal } from "../Journal.ts"
import type { View } from "../View.ts"
import { isSame, type LeaderContext } from "./LeaderContext.ts"

/** Observations of nodes are not of one moment: what is amiss for less than this is not told, in milliseconds. */
const lastsMsMin = 5000

/** Tells findings that are new, and those that are over. */
export const tellFindings = Effect.fnUntraced(function* (context: LeaderContext, view: View) {
  const { memory, presence, config, node } = context
  const nowMs = yield* Clock.currentTimeMillis
  const coordination = view.observations.get(node)?.record.groups[config.coordination]?.members ?? []
  if (memory.diagnosis === undefined || !isSame(memory.diagnosis.facts, { view, presence })) {
    const found = new Map(
      findings(view, { presence, config, coordination }).map((finding) => [
        `${finding.code} ${finding.subject}`,
        finding,
      ]),
    )
    memory.diagnosis = { facts: { view, presence }, found }
  }
  const { found } = memory.diagnosis
  for (const [key, known] of memory.findings) {
    if (found.has(key)) continue
    memory.findings.delete(key)
    if (known.told) yield* journal({ kind: "finding", node, code: "finding-over", detail: key })
  }
  for (const [key, finding] of found) {
    const known = memory.findings.get(key)
    if (known === undefined) memory.findings.set(key, { sinceMs: nowMs, told: false })
    else if (!known.told && nowMs - known.sinceMs >= lastsMsMin) {
      memory.findings.set(key, { ...known, told: true })
      const detail = `${finding.severity}: ${finding.subject}: ${finding.detail}. ${finding.recommendation}`
      yield* journal({ kind: "finding", node, code: finding.code, detail })
    }
  }
})
