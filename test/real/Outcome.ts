/**
 * What came of a run, on real daemons or in the simulator, and how the two differ. Both are read from what the engine says about itself.
 */

/** A line of a runner's log, or the same of a simulated agent. */
export interface LogLine {
  readonly event: string
  /** Of an operation or a step. */
  readonly kind?: unknown
  readonly operation?: unknown
  /** Of a step: it takes something back. */
  readonly undo?: unknown
  /** Of a step: its group or table. */
  readonly subject?: unknown
}

/** One run. */
export interface Outcome {
  readonly lost: number
  /** Tables and replication clusters on daemons that belong to nothing. */
  readonly leftovers: number
  /** Shards without all their copies. */
  readonly short: number
  /** Replicas that each node carries in the end, the most first. */
  readonly replicas: ReadonlyArray<number>
  readonly moves: number
  /** How often an operation ended so: `rebalance completed`. */
  readonly operations: ReadonlyMap<string, number>
  readonly findings: ReadonlySet<string>
  /**
   * Of each operation that was completed, for each group and table by itself, since these go side by side: the kinds of its steps in
   * the order in which steps were done.
   */
  readonly courses: ReadonlyArray<{ readonly kind: string; readonly steps: ReadonlyArray<string> }>
}

const ended = /^operation\.(completed|stopped|failed|critical_failure)$/

/** What logs tell, in the order in which things happened. */
export const readLog = (
  lines: ReadonlyArray<LogLine>,
): Pick<Outcome, "moves" | "operations" | "findings" | "courses"> => {
  const operations = new Map<string, number>()
  const findings = new Set<string>()
  const steps = new Map<string, Map<string, ReadonlyArray<string>>>()
  const courses: Array<{ kind: string; steps: ReadonlyArray<string> }> = []
  let moves = 0
  for (const { event, kind, operation, subject, undo } of lines) {
    const id = String(operation)
    const end = ended.exec(event)?.[1]
    if (event === "move") moves++
    else if (event.startsWith("finding.")) findings.add(event.slice("finding.".length))
    else if (event === "step.done" && undo === false) {
      const bySubject = steps.get(id) ?? new Map<string, ReadonlyArray<string>>()
      steps.set(id, bySubject.set(String(subject), [...(bySubject.get(String(subject)) ?? []), String(kind)]))
    } else if (end !== undefined) {
      const name = `${String(kind)} ${end}`
      operations.set(name, (operations.get(name) ?? 0) + 1)
      if (end !== "completed") continue
      for (const done of steps.get(id)?.values() ?? []) courses.push({ kind: String(kind), steps: done })
    }
  }
  return { moves, operations, findings, courses }
}

/** Phases of one group or table in an operation: `A before B` where every step of kind A was done before the first of kind B. */
const phasesOf = (steps: ReadonlyArray<string>): ReadonlySet<string> => {
  const kinds = [...new Set(steps)]
  return new Set(
    kinds.flatMap((early) =>
      kinds
        .filter((late) => early !== late && steps.lastIndexOf(early) < steps.indexOf(late))
        .map((late) => `${early} before ${late}`),
    ),
  )
}

/** Phases that hold in every course of a kind that has steps of both kinds, by `kind: A before B`. */
const phases = (courses: Outcome["courses"]): ReadonlySet<string> => {
  const held = new Set<string>()
  const broken = new Set<string>()
  for (const { kind, steps } of courses) {
    const inOrder = phasesOf(steps)
    for (const early of new Set(steps))
      for (const late of new Set(steps))
        if (early !== late) {
          const phase = `${early} before ${late}`
          if (inOrder.has(phase)) held.add(`${kind}: ${phase}`)
          else broken.add(`${kind}: ${phase}`)
        }
  }
  return new Set([...held].filter((phase) => !broken.has(phase)))
}

/** One line of the comparison. */
export interface Row {
  readonly what: string
  readonly real: string
  readonly simulated: string
  readonly agrees: boolean
}

const both = (what: string, real: string, simulated: ReadonlyArray<string>): Row => {
  const seen = [...new Set(simulated)]
  return { what, real, simulated: seen.join(" | "), agrees: seen.includes(real) }
}

/** Compares a real run with runs of several seeds: what it shows must be among what they show, and what all of them show must be there. */
export const compare = (real: Outcome, simulated: ReadonlyArray<Outcome>): ReadonlyArray<Row> => {
  const count = (what: string, of: (outcome: Outcome) => number): Row =>
    both(
      what,
      String(of(real)),
      simulated.map((outcome) => String(of(outcome))),
    )
  const names = (of: (outcome: Outcome) => Iterable<string>): ReadonlyArray<string> =>
    [...new Set([real, ...simulated].flatMap((outcome) => [...of(outcome)]))].toSorted()
  const seen = (what: string, of: (outcome: Outcome) => boolean): Row =>
    both(
      what,
      of(real) ? "yes" : "no",
      simulated.map((outcome) => (of(outcome) ? "yes" : "no")),
    )
  const expected = phases(simulated.flatMap(({ courses }) => courses))
  const known = new Set(real.courses.flatMap(({ kind, steps }) => steps.map((step) => `${kind} ${step}`)))
  const wanted = [...expected].filter((phase) => {
    const [kind = "", early = "", , late = ""] = phase.split(/: | /)
    return known.has(`${kind} ${early}`) && known.has(`${kind} ${late}`)
  })
  const kept = real.courses.length === 0 ? new Set<string>() : phases(real.courses)
  const missed = wanted.filter((phase) => !kept.has(phase))
  return [
    count("acknowledged rows that are lost", ({ lost }) => lost),
    count("shards that lack copies", ({ short }) => short),
    count("what belongs to nothing", ({ leftovers }) => leftovers),
    both(
      "replicas of each node",
      real.replicas.join(" "),
      simulated.map(({ replicas }) => replicas.join(" ")),
    ),
    count("moves", ({ moves }) => moves),
    ...names(({ operations }) => operations.keys()).map((name) =>
      count(name, ({ operations }) => operations.get(name) ?? 0),
    ),
    ...names(({ findings }) => findings).map((code) => seen(`finding ${code}`, ({ findings }) => findings.has(code))),
    {
      what: "order of phases",
      real: missed.length === 0 ? `${wanted.length} as simulated` : missed.join(", "),
      simulated: `${expected.size} of ${simulated.length} seeds`,
      agrees: missed.length === 0 && wanted.length > 0,
    },
  ]
}

/** A table for people. */
export const renderRows = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const cells = [
    ["", "real daemons", "simulator", ""],
    ...rows.map(({ agrees, real, simulated, what }) => [what, real, simulated, agrees ? "" : "DIFFERS"]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => (row[column] ?? "").length)))
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  )
}
