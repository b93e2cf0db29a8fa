import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import zlib from "node:zlib"
import * as Result from "effect/Result"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundleName, gather, readBundle, runBundle, writeBundle } from "../../src/bundle/Bundle.ts"
import { addToCorpus, readCorpus } from "../../src/bundle/Corpus.ts"
import { resolveTimeline } from "../../src/bundle/resolve.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"

let folder: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "bundle "))
})
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true })
})

const scenario = (final: string) =>
  Result.getOrThrow(
    loadScenario(
      `shardwright: 1
name: fails
about: One agent dies for a while, and a node that is up should be down.
cluster: {nodes: 3}
tables: [{name: t, shards: 2, rf: 2}]
workloads: [{table: t, until: 4s}]
timeline:
  - {between: [1s, 2s], kill: {node: one, what: agent}, for: [1s, 3s]}
  - {at: 500ms, rebalance: all}
  - {at: 3s, maintain: leader}
expect: {final: [{node: n1, is: ${final}}]}
`,
      "fails.yaml",
    ),
  )

describe("a bundle", () => {
  it("shows the failure again from its folder alone, to the last statement", () => {
    const failed = { scenario: scenario("down"), seed: 7, mode: "scenario", found: "a command" } as const
    const gathered = gather(failed, { report: ({ name }) => `<p>${name}` })
    if (gathered === undefined) return expect.fail("the scenario passes")
    const written = writeBundle(gathered, folder)
    expect(path.basename(written)).toBe("fails-7")
    const bundle = Result.getOrThrow(readBundle(written))
    expect(bundle).toEqual({
      ...failed,
      scenario: { ...failed.scenario, seed: 7 },
      failure: gathered.failure,
      traceHash: gathered.traceHash,
    })
    expect(bundle.failure).toMatchObject({ class: "correctness", checker: "expectation" })
    expect(runBundle(bundle).traceHash).toBe(bundle.traceHash)
    const trace = zlib.gunzipSync(fs.readFileSync(path.join(written, "trace.ndjson.gz"))).toString()
    expect(trace.split("\n").length).toBeGreaterThan(500)
    expect(JSON.parse(trace.split("\n")[0] ?? "")).toHaveProperty("kind")
    expect(fs.readFileSync(path.join(written, "report.html"), "utf8")).toBe("<p>fails")
    expect(JSON.parse(fs.readFileSync(path.join(written, "bundle.json"), "utf8"))).toMatchObject({
      found: "a command",
      repro: `shardwright sim replay ${written}`,
    })
  })

  it("has what was decided: moments, nodes and lengths instead of chance", () => {
    const run = { scenario: scenario("down"), seed: 7, mode: "scenario", found: "" } as const
    const bundle = gather(run)
    if (bundle === undefined) return expect.fail("the scenario passes")
    const { timeline } = resolveTimeline(run.scenario, bundle.decisions)
    const kill = timeline.find(({ act }) => act._tag === "Kill")
    expect(kill?.when._tag).toBe("At")
    expect(kill?.act).toMatchObject({ node: expect.stringMatching(/^n[123]$/) })
    expect(kill?.course).toMatchObject({ probability: null, repeat: null })
    expect(kill?.course?.lasts?.min).toEqual(kill?.course?.lasts?.max)
    const maintain = timeline.find(({ act }) => act._tag === "Maintain")
    expect(maintain?.act).toMatchObject({ node: expect.stringMatching(/^n[123]$/) })
    const written = writeBundle(bundle, folder)
    const lines = fs.readFileSync(path.join(written, "decisions.ndjson"), "utf8").trimEnd().split("\n")
    expect(new Set(lines.map((line) => JSON.parse(line).entry))).toEqual(new Set([0, 1, 2]))
  })

  it("is not made of a run that passes", () => {
    const bundle = gather({ scenario: scenario("up"), seed: 7, mode: "scenario", found: "" })
    expect(bundle?.failure).toBeUndefined()
  })

  it("is named after scenario and seed, each once", () => {
    const named = { ...scenario("up"), name: "chaos-default-42" }
    expect(bundleName({ scenario: named, seed: 42 })).toBe("chaos-default-42")
    expect(bundleName({ scenario: named, seed: 2 })).toBe("chaos-default-42-2")
  })

  it("says what is missing or wrong", () => {
    expect(Result.getFailure(readBundle(path.join(folder, "nowhere")))).toMatchObject({
      value: expect.stringMatching(/is no bundle: bundle\.json cannot be read/),
    })
    const broken = path.join(folder, "broken")
    fs.mkdirSync(broken)
    fs.writeFileSync(path.join(broken, "bundle.json"), '{"shardwrightBundle": 2}')
    expect(Result.getFailure(readBundle(broken))).toMatchObject({
      value: expect.stringMatching(/bundle\.json is no bundle: .*shardwrightBundle/s),
    })
  })
})

describe("a corpus", () => {
  it("keeps each seed once, as it was found first", () => {
    const file = path.join(folder, "deep", "corpus.ndjson")
    const seed = { profile: "default", seed: 3, class: "correctness", checker: "lost-write" }
    expect(Result.getOrThrow(readCorpus(file))).toEqual([])
    addToCorpus(file, [], [seed, { ...seed, seed: 4 }])
    const known = Result.getOrThrow(readCorpus(file))
    addToCorpus(file, known, [
      { ...seed, checker: "other" },
      { ...seed, profile: "calm" },
    ])
    expect(Result.getOrThrow(readCorpus(file))).toEqual([seed, { ...seed, seed: 4 }, { ...seed, profile: "calm" }])
  })

  it("says which line is none", () => {
    const file = path.join(folder, "wrong.ndjson")
    fs.writeFileSync(file, '{"profile":"calm","seed":1,"class":"","checker":""}\nnonsense\n')
    expect(Result.getFailure(readCorpus(file))).toMatchObject({ value: expect.stringContaining(`${file}:2:1: `) })
  })
})
