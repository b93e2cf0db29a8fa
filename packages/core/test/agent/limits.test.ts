/** What goes on at once: every agent comes to the same answer by itself, so the answer must be the same for all. */
import { describe, expect, it } from "vitest"
import { adaptPlaces, beyondLimits, nextTransferMs, placesAtFirst } from "../../src/agent/limits.ts"
import { defaultEngineConfig } from "../../src/EngineConfig.ts"
import type { Operation, StepRow } from "../../src/State.ts"
import type { Step } from "../../src/step/Step.ts"
import { makeView } from "../../src/View.ts"
import { operationWith, stepWith } from "../operationRecords.ts"

const operation = operationWith()

const step = (index: number, node: string, what: Step, changes: Partial<StepRow> = {}): StepRow =>
  stepWith({ index, node, step: what, ...changes })

const join = (group: string): Step => ({ _tag: "JoinGroup", group })
/** Indices of the steps that may not begin. */
const beyond = (
  rows: ReadonlyArray<StepRow>,
  options: {
    readonly away?: ReadonlyArray<string>
    readonly of?: Partial<Operation>
  } = {},
  config = defaultEngineConfig,
): ReadonlyArray<number> => {
  const entries = [
    { key: "operation/1_1", value: { ...operation, ...options.of } },
    ...rows.map((value) => ({ key: `step/1_1/${value.index}`, value })),
  ]
  const view = makeView(entries.map((entry) => ({ ...entry, version: 1, term: 1 })))
  return [...beyondLimits(view, new Set(options.away), config)]
    .map((key) => Number(key.split("/").at(-1)))
    .toSorted((a, b) => a - b)
}

describe("beyondLimits", () => {
  it("lets a node receive two copies at once, and the cluster a few", () => {
    const rows = [0, 1, 2, 3].map((index) => step(index, "a", join(`g${index}`)))
    expect(beyond(rows)).toEqual([2, 3])
    expect(beyond([step(0, "a", join("g0"), { status: "processing" }), ...rows.slice(1)])).toEqual([2, 3])
    const many = Array.from({ length: 12 }, (_, index) => step(index, `n${index}`, join("g")))
    expect(beyond(many)).toEqual([8, 9, 10, 11])
  })

  it("bounds the bytes that are on their way, but lets one copy be as large as it is", () => {
    const sized = (index: number, bytes: number) =>
      step(index, `n${index}`, join(`g${index}`), { expects: { rows: 1, bytes } })
    const config = { ...defaultEngineConfig, transferBytesMax: 1000 }
    expect(beyond([sized(0, 5000), sized(1, 1)], {}, config)).toEqual([1])
    expect(beyond([sized(0, 600), sized(1, 600), sized(2, 400)], {}, config)).toEqual([1])
  })

  it("keeps no place for a node that is away, and none for a step that waits", () => {
    const rows = [step(0, "a", join("g")), step(1, "a", join("h")), step(2, "a", join("i"))]
    const waiting = { code: "no-donor", detail: "", sinceMs: 0 } as const
    expect(
      beyond([...rows, step(3, "b", join("k"))], { away: ["a"] }, { ...defaultEngineConfig, transfersMax: 1 }),
    ).toEqual([])
    expect(beyond([step(0, "a", join("g"), { status: "processing", waiting }), ...rows.slice(1)])).toEqual([])
  })

  it("bounds the steps of the whole cluster", () => {
    const rows = Array.from({ length: 5 }, (_, index) => step(index, `n${index}`, { _tag: "CommitLayout" }))
    expect(beyond(rows, {}, { ...defaultEngineConfig, maxParallelSteps: 3 })).toEqual([3, 4])
  })

  it("does not count undo steps that are not live: their leader was lost while it wrote them", () => {
    const rows = [step(0, "a", join("g"), { undoes: 0 }), step(1, "b", join("g"), { undoes: 0 })]
    const one = { ...defaultEngineConfig, maxParallelSteps: 1 }
    expect(beyond(rows, { of: { undoing: true, undoFrom: 1 } }, one)).toEqual([])
  })
})

describe("nextTransferMs", () => {
  it("spreads copies over the time that their bytes may take, longer while the daemon is slow", () => {
    const config = { ...defaultEngineConfig, transferBytesPerSecond: 1000 }
    expect(nextTransferMs(5000, 3000, placesAtFirst, config)).toBe(8000)
    expect(nextTransferMs(5000, 3000, placesAtFirst / 2, config)).toBe(11_000)
  })
})

describe("adaptPlaces", () => {
  it("halves when the records are slow, and grows slowly when they are quick, within bounds", () => {
    let places = placesAtFirst
    for (let index = 0; index < 10; index++) places = adaptPlaces(places, 1500)
    expect(places).toBe(1)
    expect(adaptPlaces(places, 500)).toBe(1)
    for (let index = 0; index < 4; index++) places = adaptPlaces(places, 5)
    expect(places).toBe(2)
    for (let index = 0; index < 100; index++) places = adaptPlaces(places, 5)
    expect(places).toBe(placesAtFirst)
  })
})
