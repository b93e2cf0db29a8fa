/**
 * What a scenario expects, followed while it runs: conditions that come true in time, that hold all the time, that hold
 * in the end, and what is to be seen or not.
 */
import * as Duration from "effect/Duration"
import type { Condition } from "../scenario/Condition.ts"
import type { Expectations, Seen, Sighting } from "../scenario/Scenario.ts"
import { type Finding, type Judged, judge } from "./Conditions.ts"
import { showMs } from "../scenario/showDuration.ts"
import { describeCondition, describeSeen } from "./describe.ts"
import { matches, type Observer, type Said } from "./Observer.ts"
import type { ExpectationResult } from "./ScenarioResult.ts"

const micros = (duration: Duration.Duration): number => Duration.toMillis(duration) * 1000

const isSighting = (seen: Seen): seen is Sighting =>
  seen._tag === "StepSeen" ||
  seen._tag === "OperationSeen" ||
  seen._tag === "LeaderSeen" ||
  seen._tag === "FindingSeen" ||
  seen._tag === "TransferSeen"

interface Tracked {
  readonly kind: "eventually" | "always" | "sometimes" | "never"
  readonly seen: Seen
  /** From time zero, in microseconds; undefined until the timeline has ended. */
  fromMicros: number | undefined
  untilMicros: number | undefined
  readonly withinMicros: number
  held: boolean | undefined
  detail: string
}

/** The expectations of one run. */
export class ExpectationTracker {
  readonly #judged: Judged
  readonly #observer: Observer
  readonly #final: ReadonlyArray<Condition>
  readonly #tracked: ReadonlyArray<Tracked>
  /** Results that come from elsewhere: checks and statements of the timeline. */
  readonly #others: Array<ExpectationResult> = []

  constructor(expect: Expectations, judged: Judged, observer: Observer) {
    this.#judged = judged
    this.#observer = observer
    this.#final = expect.final
    const tracked = (
      kind: Tracked["kind"],
      seen: Seen,
      fromMicros: number | undefined,
      untilMicros: number | undefined,
      withinMicros = 0,
    ): Tracked => ({
      kind,
      seen,
      fromMicros,
      untilMicros,
      withinMicros,
      held: undefined,
      detail: "",
    })
    this.#tracked = [
      ...expect.eventually.map((it) =>
        tracked(
          "eventually",
          it.condition,
          it.from === null ? undefined : micros(it.from),
          undefined,
          micros(it.within),
        ),
      ),
      ...expect.always.map((it) =>
        tracked(
          "always",
          it.condition,
          micros(it.from),
          it.until === null ? Number.MAX_SAFE_INTEGER : micros(it.until),
        ),
      ),
      ...expect.sometimes.map((it) => tracked("sometimes", it, 0, Number.MAX_SAFE_INTEGER)),
      ...expect.never.map((it) => tracked("never", it, 0, Number.MAX_SAFE_INTEGER)),
    ]
    for (const it of this.#tracked)
      if (it.fromMicros !== undefined && it.kind === "eventually") it.untilMicros = it.fromMicros + it.withinMicros
  }

  /** Adds a result from elsewhere. */
  add(result: ExpectationResult): void {
    this.#others.push(result)
  }

  /** The timeline has ended: what counts from there begins. */
  timelineEnded(): void {
    for (const it of this.#tracked) {
      if (it.fromMicros !== undefined) continue
      it.fromMicros = this.#sinceZero
      it.untilMicros = it.fromMicros + it.withinMicros
    }
  }

  /** The last moment at which an open expectation may still come true, since time zero. */
  get deadlineMicros(): number {
    return Math.max(
      0,
      ...this.#tracked
        .filter((it) => it.kind === "eventually" && it.held === undefined)
        .map((it) => it.untilMicros ?? 0),
    )
  }

  /** True once every `eventually` has come true or failed. */
  get decided(): boolean {
    return this.#tracked.every((it) => it.kind !== "eventually" || it.held !== undefined)
  }

  /** Whether everything that is looked at in the end holds now. */
  get finalsHold(): boolean {
    return this.#final.every((condition) => judge(this.#judged, condition).held)
  }

  onSaid(event: Said): void {
    for (const it of this.#tracked) {
      if (it.held !== undefined || !isSighting(it.seen) || !matches(it.seen, event, this.#observer.isNode)) continue
      this.#sighted(it, `seen at ${showMs(this.#sinceZero / 1000)}`)
    }
  }

  /** Looks at all conditions that are open. */
  tick(): void {
    const now = this.#sinceZero
    for (const it of this.#tracked) {
      if (it.held !== undefined || isSighting(it.seen) || it.fromMicros === undefined || now < it.fromMicros) continue
      const finding = judge(this.#judged, it.seen)
      const late = now > (it.untilMicros ?? Number.MAX_SAFE_INTEGER)
      if (it.kind === "eventually") this.#eventually(it, finding, now, late)
      else if (it.kind === "always") {
        if (late) it.held = true
        else if (!finding.held) this.#decide(it, false, `not at ${showMs(now / 1000)}: ${finding.detail}`)
      } else if (finding.held) this.#sighted(it, `held at ${showMs(now / 1000)}: ${finding.detail}`)
    }
  }

  /** All results, when the run is over. */
  results(): ReadonlyArray<ExpectationResult> {
    this.tick()
    const tracked = this.#tracked.map((it) => ({
      name: `${it.kind}: ${describeSeen(it.seen)}`,
      held: it.held ?? (it.kind === "always" || it.kind === "never"),
      detail:
        it.detail !== ""
          ? it.detail
          : it.kind === "eventually"
            ? "the run ended before"
            : it.kind === "sometimes"
              ? "never seen"
              : "",
    }))
    const final = this.#final.map((condition) => {
      const finding = judge(this.#judged, condition)
      return { name: `final: ${describeCondition(condition)}`, held: finding.held, detail: finding.detail }
    })
    return [...tracked, ...final, ...this.#others]
  }

  get #sinceZero(): number {
    return this.#judged.simulation.queue.nowMicros - this.#judged.simulation.zeroMicros
  }

  #eventually(it: Tracked, finding: Finding, now: number, late: boolean): void {
    if (finding.held) this.#decide(it, true, `after ${showMs((now - (it.fromMicros ?? 0)) / 1000)}`)
    else if (late) this.#decide(it, false, `not within ${showMs(it.withinMicros / 1000)}: ${finding.detail}`)
  }

  #sighted(it: Tracked, detail: string): void {
    this.#decide(it, it.kind === "sometimes", detail)
  }

  #decide(it: Tracked, held: boolean, detail: string): void {
    it.held = held
    it.detail = detail
    if (!held) this.#observer.happen("expectation", null, `not held: ${it.kind}: ${describeSeen(it.seen)}: ${detail}`)
  }
}
