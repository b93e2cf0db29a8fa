/**
 * Protects the outer contract: exit codes, one JSON document on standard output and nothing else there, and messages
 * that say what to do. Runs the command line as `main.ts` does, with a screen that remembers.
 */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runCli } from "../src/cli/runCli.ts"
import { plainPaint, Screen, type ScreenShape } from "../src/cli/Screen.ts"
import { worstOf } from "../src/cli/ExitCode.ts"

let folder: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "ship shard "))
  fs.writeFileSync(path.join(folder, "quick.yaml"), scenario("quick", "[]"))
  fs.writeFileSync(path.join(folder, "late.yaml"), scenario("late", "[{within: 1s, node: n1, is: down}]"))
  fs.mkdirSync(path.join(folder, "empty"))
  fs.mkdirSync(path.join(folder, "broken"))
  fs.writeFileSync(path.join(folder, "broken", "broken.yaml"), scenario("broken", "[]").replace("until:", "utnil:"))
})
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true })
})

/** A cluster on which nothing happens; `eventually` may ask for more. */
const scenario = (name: string, eventually: string) => `shardwright: 1
name: ${name}
about: A cluster comes up and rests.
cluster: {nodes: 3}
until: 5s
expect: {eventually: ${eventually}}
`

/** The command line with these arguments: what it printed where, and how it ended. */
const shardwright = (...args: ReadonlyArray<string>) => shardwrightOn({}, ...args)

const shardwrightOn = Effect.fnUntraced(function* (screen: Partial<ScreenShape>, ...args: ReadonlyArray<string>) {
  const printed: Array<string> = []
  const noted: Array<string> = []
  const statuses: Array<string> = []
  const exitCode = yield* runCli(args).pipe(
    Effect.provideService(Screen, {
      print: (line) => printed.push(line),
      note: (line) => noted.push(line),
      status: (line) => statuses.push(line),
      isWatched: true,
      paint: plainPaint,
      columns: 100,
      ...screen,
    }),
  )
  return { exitCode, printed, out: printed.join("\n"), noted: noted.join("\n"), statuses }
})

describe("usage", () => {
  it.effect.each([
    [["sim", "run"], /Missing required argument: path/],
    [["sim", "rnu"], /Did you mean this\?\s+run/],
    [["sim", "run", "x", "--sed", "1"], /Did you mean this\?\s+--seed/],
    [["sim", "run", "x", "--seed", "a"], /--seed: "a"\. Expected: a whole number/],
    [["sim", "run", "x", "--seeds", "5..3"], /did you mean 3\.\.5\?/],
    [["sim", "run", "x", "--until", "5"], /a duration with a unit/],
    [["sim"], /SUBCOMMANDS/],
    [[], /SUBCOMMANDS/],
  ] as const)("%j ends with 2 and says what was expected", ([args, message]) =>
    Effect.gen(function* () {
      const { exitCode, noted, printed } = yield* shardwright(...args)
      expect(exitCode).toBe(2)
      expect(noted).toMatch(message)
      expect(printed).toEqual([])
    }),
  )

  it.effect("with --json is told as one document, too", () =>
    Effect.gen(function* () {
      const { exitCode, printed } = yield* shardwright("sim", "run", "--json")
      expect(exitCode).toBe(2)
      expect(printed.map((line) => JSON.parse(line))).toEqual([
        { error: { exitCode: 2, message: "Missing required argument: path" } },
      ])
    }),
  )

  it.effect("of seeds is one of two ways", () =>
    Effect.gen(function* () {
      const { exitCode, noted } = yield* shardwright("sim", "run", folder, "--seed", "1", "--seeds", "1..3")
      expect(exitCode).toBe(2)
      expect(noted).toMatch(/--seed and --seeds exclude each other/)
    }),
  )
})

describe("sim run", () => {
  it.effect("tells a run and what happened, and ends with 0", () =>
    Effect.gen(function* () {
      const { exitCode, out, statuses } = yield* shardwright("sim", "run", path.join(folder, "quick.yaml"))
      expect(out).toMatch(/^✓ quick, seed 1: /)
      expect(out).toMatch(/ 0ms {2}= .*the cluster and its tables are ready\n/)
      expect(out).toMatch(/\n1 passed, 0 failed; /)
      expect(statuses[0]).toMatch(/^\[1\/1\] quick, seed 1: .* of virtual time$/)
      expect(statuses.at(-1)).toBe("")
      expect(exitCode).toBe(0)
    }),
  )

  it.effect("ends with 3 when something did not happen in time, and says how to run it again", () =>
    Effect.gen(function* () {
      const file = path.join(folder, "late.yaml")
      const { exitCode, out } = yield* shardwright("sim", "run", file, "--seed", "7")
      expect(out).toMatch(/^✗ late, seed 7: /)
      expect(out).toMatch(/late, seed 7: liveness\n {2}✗ eventually: /)
      expect(out).toContain(`again: shardwright sim run ${file} --seed 7`)
      expect(out).toMatch(/\n0 passed, 1 failed; /)
      expect(exitCode).toBe(3)
    }),
  )

  it.effect("prints one document with --json, and progress elsewhere", () =>
    Effect.gen(function* () {
      const file = path.join(folder, "quick.yaml")
      const { exitCode, printed, noted } = yield* shardwright("sim", "run", file, "--seeds", "3..5", "--json")
      expect(exitCode).toBe(0)
      expect(printed).toHaveLength(1)
      const document = JSON.parse(printed[0] ?? "")
      expect(document).toMatchObject({ passed: 2, failed: 0 })
      expect(document.scenarios.map((run: { seed: number }) => run.seed)).toEqual([3, 4])
      expect(Object.keys(document.scenarios[0])).toEqual(expect.arrayContaining([...contractFields]))
      expect(noted.split("\n")).toHaveLength(2)
    }),
  )

  it.effect("runs on several threads as on one, in the same order", () =>
    Effect.gen(function* () {
      const args = ["sim", "run", path.join(folder, "quick.yaml"), "--seeds", "3..6", "--check-determinism", "--json"]
      const told = (out: string) =>
        JSON.parse(out).scenarios.map(({ seed, traceHash }: Record<string, unknown>) => [seed, traceHash])
      const [one, two] = [yield* shardwright(...args), yield* shardwright(...args, "--jobs", "2")]
      expect(two.exitCode).toBe(0)
      expect(told(two.out)).toEqual(told(one.out))
    }),
  )

  const contractFields = [
    "name",
    "file",
    "seed",
    "passed",
    "class",
    "virtualMs",
    "wallMs",
    "events",
    "commands",
    "traceHash",
    "violations",
    "expectations",
    "stats",
  ] as const

  it.effect("writes the trace of one run, and of one run only", () =>
    Effect.gen(function* () {
      const trace = path.join(folder, "trace.ndjson")
      const quick = path.join(folder, "quick.yaml")
      expect((yield* shardwright("sim", "run", quick, "--trace", trace)).exitCode).toBe(0)
      const lines = fs.readFileSync(trace, "utf8").trimEnd().split("\n")
      expect(lines.length).toBeGreaterThan(100)
      expect(JSON.parse(lines.at(-1) ?? "")).toHaveProperty("atMs")
      const many = yield* shardwright("sim", "run", quick, "--seeds", "1..3", "--trace", trace)
      expect([many.exitCode, many.noted]).toEqual([2, expect.stringMatching(/--trace writes the trace of one run/)])
      const nowhere = yield* shardwright("sim", "run", quick, "--trace", path.join(folder, "no", "trace"))
      expect([nowhere.exitCode, nowhere.noted]).toEqual([2, expect.stringMatching(/cannot be written/)])
    }),
  )

  it.effect("writes trace events for Perfetto, and a report", () =>
    Effect.gen(function* () {
      const [events, report] = [path.join(folder, "trace.json"), path.join(folder, "report.html")]
      const quick = path.join(folder, "quick.yaml")
      const { exitCode } = yield* shardwright("sim", "run", quick, "--trace", events, "--report", report)
      expect(exitCode).toBe(0)
      const { traceEvents } = JSON.parse(fs.readFileSync(events, "utf8"))
      expect(traceEvents).toContainEqual(expect.objectContaining({ ph: "X", cat: "daemon", name: "up" }))
      expect(fs.readFileSync(report, "utf8")).toMatch(/^<!doctype html>/)
      const many = yield* shardwright("sim", "run", quick, "--seeds", "1..3", "--report", report)
      expect([many.exitCode, many.noted]).toEqual([2, expect.stringMatching(/--report writes the report of one run/)])
    }),
  )

  it.effect("keeps what failed, which can be replayed from there, and says it in JUnit XML", () =>
    Effect.gen(function* () {
      const [junit, bundles] = [path.join(folder, "junit.xml"), path.join(folder, ".bundles")]
      const late = path.join(folder, "late.yaml")
      const run = yield* shardwright("sim", "run", late, "--junit", junit, "--bundles", bundles, "--json")
      const kept = path.join(bundles, "late-1")
      expect(run.noted).toContain(`kept in ${kept}`)
      expect(fs.readFileSync(junit, "utf8")).toMatch(/<testsuites tests="1" failures="1" .*liveness: expectation/s)
      const replay = yield* shardwright("sim", "replay", kept, "--json")
      expect([replay.exitCode, replay.noted]).toEqual([3, ""])
      expect(JSON.parse(replay.out).traceHash).toBe(JSON.parse(run.out).scenarios[0].traceHash)
      const bundle = path.join(kept, "bundle.json")
      fs.writeFileSync(bundle, fs.readFileSync(bundle, "utf8").replace(/("traceHash": )"\w+"/, '$1"0"'))
      expect((yield* shardwright("sim", "replay", kept)).noted).toMatch(/not the run that was kept/)
    }),
  )

  it.effect("refuses what it cannot read, with the place", () =>
    Effect.gen(function* () {
      const broken = yield* shardwright("sim", "run", folder, "--json")
      expect(broken.exitCode).toBe(2)
      expect(broken.noted).toMatch(/broken\.yaml:5:1: unknown key `utnil`/)
      expect(JSON.parse(broken.out)).toMatchObject({ scenarios: [], passed: 0, problems: [{ line: 5, column: 1 }] })
      for (const missing of ["nowhere.yaml", "empty"]) {
        expect((yield* shardwright("sim", "run", path.join(folder, missing))).exitCode).toBe(2)
      }
    }),
  )
})

describe("sim chaos and sim replay", () => {
  it.effect("run seeds on workers, and one of them again", () =>
    Effect.gen(function* () {
      const chaos = yield* shardwright("sim", "chaos", "--seeds", "1..3", "--jobs", "2", "--json")
      expect(chaos.printed).toHaveLength(1)
      const document = JSON.parse(chaos.out)
      expect(document.seeds).toBe(2)
      expect(document.passed + document.failed.length).toBe(2)
      expect(document.commands).toBeGreaterThan(100)
      expect(document.sometimes).toHaveProperty("rollback-executed")
      expect(chaos.exitCode === 0).toBe(document.failed.length === 0)

      const replay = yield* shardwright("sim", "replay", "2", "--json")
      const again = JSON.parse(replay.out)
      expect(again).toMatchObject({ seed: 2, passed: !document.failed.some((it: { seed: number }) => it.seed === 2) })
    }),
  )

  it.effect("keep what failed, and run it first the next time", () =>
    Effect.gen(function* () {
      const [corpus, bundles] = [path.join(folder, "corpus.ndjson"), path.join(folder, ".kept")]
      fs.writeFileSync(corpus, '{"profile":"default","seed":2,"class":"liveness","checker":"quiescence"}\n')
      const mutant = ["--without", "drop-source-before-verification"]
      const args = ["sim", "chaos", "--seeds", "5..6", "--jobs", "1", "--bundles", bundles, "--corpus", corpus]
      const { out, noted } = yield* shardwright(...args, ...mutant, "--json")
      const document = JSON.parse(out)
      expect(document.seeds).toBe(2)
      const [first] = document.failed
      expect(first).toMatchObject({ seed: 2, repro: expect.stringContaining(`--without ${mutant[1]}`) })
      expect(noted.indexOf("seed 2: ")).toBeLessThan(noted.indexOf("kept in"))
      const kept = path.join(bundles, "chaos-default-2")
      const replay = yield* shardwright("sim", "replay", kept, "--json")
      expect(JSON.parse(replay.out).violations[0]).toMatchObject({ checker: first.checker, atMs: first.atMs })
    }),
  )

  it.effect("make a failure smaller, and say when it became likely", () =>
    Effect.gen(function* () {
      const [bundles, small] = [path.join(folder, ".small"), path.join(folder, ".small.yaml")]
      yield* shardwright("sim", "run", path.join(folder, "late.yaml"), "--bundles", bundles)
      const kept = path.join(bundles, "late-1")
      const minimized = yield* shardwright("sim", "minimize", kept, "-o", small, "--json")
      expect(JSON.parse(minimized.out)).toMatchObject({ file: small, class: "liveness", complete: true })
      expect(fs.readFileSync(small, "utf8")).toContain("name: minimized-late")
      expect((yield* shardwright("sim", "run", small)).exitCode).toBe(3)
      const branched = yield* shardwright("sim", "branch", kept, "--at", "1s", "--branches", "2", "--json")
      expect(JSON.parse(branched.out).points).toEqual([{ atMs: 1000, branches: 2, failed: 2, failedOtherwise: 0 }])
      const passing = yield* shardwright("sim", "minimize", "x", "-o", small)
      expect([passing.exitCode, passing.noted]).toEqual([2, expect.stringMatching(/neither a seed/)])
    }),
  )

  it.effect("begin no seed when the budget is spent", () =>
    Effect.gen(function* () {
      const { exitCode, out } = yield* shardwright("sim", "chaos", "--seeds", "1..50", "--budget", "0.001ms", "--json")
      expect(JSON.parse(out)).toMatchObject({ seeds: 0, notRun: 49, failed: [], crashed: [] })
      expect(exitCode).toBe(0)
    }),
  )

  it.effect.each([
    [["sim", "chaos", "--seeds", "1..3", "--profile", "nope"], /no chaos profile "nope"; there are: .*default/],
    [["sim", "chaos", "--seeds", "1..3", "--shard", "3/2"], /I\/N with I from 1 to N/],
    [["sim", "chaos"], /Missing required flag: --seeds/],
    [["sim", "replay", "x"], /"x" is neither a seed \(a whole number .*\) nor the folder of a bundle/],
    [["sim", "replay", "1", "--profile", "nope"], /no chaos profile "nope"/],
  ] as const)("%j ends with 2 and says what was expected", ([args, message]) =>
    Effect.gen(function* () {
      const { exitCode, noted } = yield* shardwright(...args)
      expect(noted).toMatch(message)
      expect(exitCode).toBe(2)
    }),
  )
})

describe("plan place", () => {
  it.effect("reads a document and answers with one", () =>
    Effect.gen(function* () {
      const file = path.join(folder, "cluster.json")
      fs.writeFileSync(file, '{"nodes":[{"name":"a"},{"name":"b"}],"tables":[{"name":"t","shards":2,"rf":2}]}')
      const { exitCode, printed } = yield* shardwright("plan", "place", "--input", file, "--json")
      expect(exitCode).toBe(0)
      expect(printed).toHaveLength(1)
      expect(JSON.parse(printed[0] ?? "")).toMatchObject({ moves: [], unplaceable: [], groups: 2 })
    }),
  )

  it.effect("refuses what it cannot read or understand", () =>
    Effect.gen(function* () {
      const missing = yield* shardwright("plan", "place", "--input", path.join(folder, "nowhere.json"))
      expect([missing.exitCode, missing.noted]).toEqual([2, expect.stringMatching(/nowhere\.json cannot be read/)])
      const file = path.join(folder, "bad.json")
      fs.writeFileSync(file, '{"nodes":[],\n "tabels":[]}')
      const bad = yield* shardwright("plan", "place", "--input", file)
      expect([bad.exitCode, bad.noted]).toEqual([2, expect.stringMatching(/bad\.json:2:2: /)])
    }),
  )
})

describe("exit codes", () => {
  it("weigh 70, then 4, 1, 3", () => {
    expect(worstOf([3, 1, 4, 70])).toBe(70)
    expect(worstOf([3, 1, 4])).toBe(4)
    expect(worstOf([3, 1])).toBe(1)
    expect(worstOf([0, 3])).toBe(3)
    expect(worstOf([])).toBe(0)
  })
})

describe("a bug of ours", () => {
  it.effect("ends with 70, a short report and how to report it", () =>
    Effect.gen(function* () {
      const print = () => {
        throw new Error("the printer is on fire")
      }
      const { exitCode, noted } = yield* shardwrightOn({ print }, "sim", "schema")
      expect(exitCode).toBe(70)
      expect(noted).toMatch(/Error: the printer is on fire\n[^]*This is a bug of ours: please report it/)
      expect(noted.split("\n").length).toBeLessThan(20)
    }),
  )
})

describe("the process", () => {
  const main = path.resolve(import.meta.dirname, "../src/main.ts")

  it("prints its version, and help when asked for it", () => {
    const version = spawnSync(process.execPath, [main, "--version"], { encoding: "utf8" })
    expect([version.status, version.stdout]).toEqual([0, expect.stringMatching(/^shardwright v\d+\.\d+\.\d+\n$/)])
    const help = spawnSync(process.execPath, [main, "sim", "run", "--help"], { encoding: "utf8" })
    expect([help.status, help.stdout, help.stderr]).toEqual([0, expect.stringMatching(/--check-determinism/), ""])
  })

  it("carries the exit code out", () => {
    expect(spawnSync(process.execPath, [main, "sim", "run", "nowhere.yaml"]).status).toBe(2)
  })
})
