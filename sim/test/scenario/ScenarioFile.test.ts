import * as NodeFs from "node:fs"
import * as NodeOs from "node:os"
import * as NodePath from "node:path"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { loadScenario, loadScenarios, renderScenario, resolvePaths } from "../../src/scenario/ScenarioFile.ts"
import { printProblem, printProblems } from "../../src/scenario/ScenarioProblem.ts"

const here = import.meta.dirname
const repository = NodePath.join(here, "../../..")
const goldenFile = NodePath.join(here, "testdata/mistakes.txt")

interface GoldenCase {
  readonly title: string
  readonly text: string
  readonly answer: string
}

const goldenText = NodeFs.readFileSync(goldenFile, "utf8")
const preamble = goldenText.slice(0, goldenText.indexOf("=== "))
const cases: ReadonlyArray<GoldenCase> = goldenText
  .slice(preamble.length)
  .split(/^=== /mu)
  .slice(1)
  .map((block) => {
    const lineEnd = block.indexOf("\n")
    const [text = "", answer = ""] = block.slice(lineEnd + 1).split(/^----\n/mu)
    return { title: block.slice(0, lineEnd), text, answer: answer.trimEnd() }
  })

const answerTo = (text: string): string => {
  const result = loadScenario(text, "case.yaml")
  return Result.isSuccess(result) ? "no problem" : result.failure.map(printProblem).join("\n\n")
}

const problemsOf = (text: string) => {
  const result = loadScenario(text, "case.yaml")
  return Result.isFailure(result) ? result.failure : []
}

const scenarioOf = (text: string) => {
  const result = loadScenario(text, "case.yaml")
  if (Result.isFailure(result)) throw new Error(printProblems(result.failure))
  return result.success
}

if (process.env["UPDATE_GOLDEN"] === "1") {
  const written = cases.map(({ title, text }) => `=== ${title}\n${text}----\n${answerTo(text)}\n`)
  NodeFs.writeFileSync(goldenFile, preamble + written.join("\n"))
}

describe("mistakes", () => {
  it.each(cases)("$title", ({ text, answer }) => {
    expect(answerTo(text)).toBe(answer)
  })

  it("are told with file, line, column, what was expected and a cure", () => {
    const text = "shardwright: 1\nname: case\nabout: A case.\ncluster: {nodes: 3}\ntimeline:\n  - {at: 10, kill: n1}\n"
    expect(problemsOf(text)).toEqual([
      {
        file: "case.yaml",
        line: 6,
        column: 10,
        length: 2,
        source: "  - {at: 10, kill: n1}",
        message: "`timeline[0].at` is the number 10",
        expected: "a duration with a unit, such as 250ms, 10s, 2m or 1h",
        cure: "add a unit: 10ms, 10s or 10m",
      },
    ])
  })

  it("have the same places with Windows line ends", () => {
    const unix = cases.find(({ title }) => title === "a condition that is none")?.text ?? ""
    expect(problemsOf(unix.replaceAll("\n", "\r\n"))).toEqual(problemsOf(unix))
    expect(problemsOf(unix).length).toBeGreaterThan(5)
  })

  it("are no more than a person can read", () => {
    const many = Array.from({ length: 500 }, (_, index) => `key${index}: 1`).join("\n")
    expect(problemsOf(many)).toHaveLength(100)
  })

  it("are told of any text whatever, and nothing is thrown", () => {
    const noise = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      fc
        .array(
          fc.constantFrom(
            "- ",
            "{",
            "}",
            "[",
            "]",
            ": ",
            "at: ",
            "kill",
            "\n",
            "  ",
            "&a ",
            "*a",
            "<<: ",
            "!!set ",
            "|",
            ">",
            "'",
            '"',
            "#",
            "---\n",
            "10s",
            "\t",
            "? ",
            "timeline",
            ",",
          ),
          { maxLength: 60 },
        )
        .map((parts) => parts.join("")),
    )
    fc.assert(
      fc.property(noise, (text) => {
        const problems = problemsOf(text)
        expect(problems.length).toBeGreaterThan(0)
        for (const problem of problems) {
          expect(printProblem(problem)).toContain("expected: ")
          expect(problem.line).toBeGreaterThan(0)
          expect(problem.column).toBeGreaterThan(0)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("are told of scenarios with any one value replaced, and nothing is thrown", () => {
    const scenario = NodeFs.readFileSync(NodePath.join(repository, "scenarios/smoke/node-joins.yaml"), "utf8")
    const values = [...scenario.matchAll(/(?<=: )[\w-]+(?=[,}\n])/gu)]
    const junk = fc.oneof(
      fc.constantFrom(
        "",
        "~",
        "[]",
        "{}",
        "[[[]]]",
        "{a: {b: c}}",
        "-1",
        "1e400",
        ".inf",
        "*x",
        "'",
        "2001-01-01",
        "true",
        "|",
      ),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.nat(values.length - 1), junk, (index, text) => {
        const match = values[index]
        const start = match?.index ?? 0
        const changed = scenario.slice(0, start) + text + scenario.slice(start + (match?.[0].length ?? 0))
        const result = loadScenario(changed, "case.yaml")
        expect(Result.isSuccess(result) || result.failure.length > 0).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it("of a file that is nested without end are told, too", () => {
    expect(problemsOf("[".repeat(100_000))[0]?.line).toBe(1)
    expect(problemsOf(`a: &a [*a]\ntimeline: ${"[".repeat(3_000)}${"]".repeat(3_000)}`).length).toBeGreaterThan(0)
  })

  it("of aliases that would fill the memory are told, too", () => {
    const level = (index: number) =>
      `a${index}: &a${index} [${Array.from({ length: 10 }, () => `*a${index - 1}`).join(", ")}]`
    const bomb = ["a0: &a0 [x]", ...Array.from({ length: 9 }, (_, index) => level(index + 1))].join("\n")
    expect(problemsOf(bomb).length).toBeGreaterThan(0)
  })
})

describe("what is fine", () => {
  const header = "shardwright: 1\nname: case\nabout: A case.\ncluster: {nodes: 3}\n"

  it("has defaults filled in", () => {
    const scenario = scenarioOf(`${header}tables: [{name: t, shards: 2, rf: 1}]\nworkloads: [{table: t}]\n`)
    expect(scenario.cluster.nodes.map((node) => node.name)).toEqual(["n1", "n2", "n3"])
    expect(scenario).toMatchObject({
      seed: 1,
      covers: [],
      settings: {},
      timeline: [],
      quiesce: Duration.minutes(1),
      until: Duration.minutes(10),
    })
    expect(scenario.tables).toEqual([{ name: "t", shards: 2, rf: 1, structure: "title text, v bigint" }])
    expect(scenario.workloads).toMatchObject([
      {
        writers: 1,
        every: Duration.millis(50),
        until: null,
        reads: null,
        mix: { insert: 80, replace: 10, update: 0, delete: 10 },
      },
    ])
  })

  it("names spares after the nodes", () => {
    const scenario = scenarioOf(
      "shardwright: 1\nname: case\nabout: A case.\ncluster: {nodes: [a, {name: b, zone: z, weight: 2}], spares: 2}\n",
    )
    expect(scenario.cluster.spares.map((node) => node.name)).toEqual(["n3", "n4"])
    expect(scenario.cluster.nodes[1]).toEqual({ name: "b", zone: "z", weight: 2 })
  })

  it("may use anchors, aliases and merge keys", () => {
    const scenario = scenarioOf(`${header}tables:\n  - &t {name: t, shards: 2, rf: 1}\n  - {<<: *t, name: u}\n`)
    expect(scenario.tables.map(({ name, shards }) => [name, shards])).toEqual([
      ["t", 2],
      ["u", 2],
    ])
  })

  it("may begin with a byte order mark", () => {
    expect(scenarioOf(`\uFEFF${header}`).name).toBe("case")
  })

  it("may write keys and values in quotes", () => {
    expect(
      scenarioOf(`"shardwright": 1\n'name': "case"\nabout: 'A case.'\ncluster: {"nodes": 3}\nuntil: '5m'\n`).until,
    ).toEqual(Duration.minutes(5))
  })

  it.each([
    ["250ms", 250],
    ["0.5s", 500],
    ["10s", 10_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
  ])("reads %s as %d milliseconds", (text, millis) => {
    expect(Duration.toMillis(scenarioOf(`${header}until: ${text}\n`).until)).toBe(millis)
  })
})

describe("the scenarios of the repository", () => {
  const { scenarios, problems } = loadScenarios([NodePath.join(repository, "scenarios")])

  it("load, every one", () => {
    expect(printProblems(problems)).toBe("0 problems; nothing was run.")
    expect(scenarios.length).toBeGreaterThanOrEqual(12)
  })

  it("are named after their files", () => {
    for (const { file, scenario } of scenarios) expect(NodePath.basename(file, ".yaml")).toBe(scenario.name)
  })

  it("stay the same when they are written and read again", () => {
    for (const { file, scenario } of scenarios) {
      const again = loadScenario(renderScenario(scenario), file)
      expect(Result.isFailure(again) ? printProblems(again.failure) : again.success).toEqual(scenario)
    }
  })
})

describe("docs/SCENARIOS.md", () => {
  const documentation = NodeFs.readFileSync(NodePath.join(repository, "docs/SCENARIOS.md"), "utf8")
  const blocks = [...documentation.matchAll(/^```yaml\n(.*?)^```/gmsu)].map((match) => match[1] ?? "")

  it("shows scenarios that load", () => {
    const whole = blocks.filter((block) => block.includes("shardwright: 1"))
    expect(whole.length).toBeGreaterThan(1)
    expect(whole.flatMap(problemsOf)).toEqual([])
  })
})

describe("paths", () => {
  const directory = NodeFs.mkdtempSync(NodePath.join(NodeOs.tmpdir(), "scenario-files-"))
  const path = (name: string) => NodePath.join(directory, name)
  const text = (name: string) => `shardwright: 1\nname: ${name}\nabout: A case.\ncluster: {nodes: 3}\n`
  NodeFs.mkdirSync(path("some/deep"), { recursive: true })
  NodeFs.mkdirSync(path("empty/.hidden"), { recursive: true })
  NodeFs.writeFileSync(path("some/b.yaml"), text("b"))
  NodeFs.writeFileSync(path("some/deep/a.yml"), text("a"))
  NodeFs.writeFileSync(path("some/readme.md"), "no scenario")
  NodeFs.writeFileSync(path("empty/.hidden/c.yaml"), text("c"))
  NodeFs.writeFileSync(path("twice.yaml"), text("b"))
  NodeFs.writeFileSync(path("binary.yaml"), Uint8Array.of(0xff, 0xfe, 0x00))
  afterAll(() => NodeFs.rmSync(directory, { recursive: true }))

  it("are searched to the bottom, sorted, each file once", () => {
    expect(resolvePaths([path("some/deep"), path("some"), path("some/b.yaml")])).toEqual({
      files: [path("some/b.yaml"), path("some/deep/a.yml")],
      problems: [],
    })
  })

  it.each([
    ["missing", "there is no such file or directory"],
    ["empty", "the directory has no scenarios"],
    ["some/readme.md", "the file is not a scenario by its name"],
  ])("%s: %s", (name, message) => {
    const { files, problems } = resolvePaths([path(name)])
    expect(files).toEqual([])
    expect(problems).toMatchObject([{ file: path(name), line: 1, column: 1, message }])
  })

  it("lead to a problem where two files have one name", () => {
    const { scenarios, problems } = loadScenarios([path("some"), path("twice.yaml")])
    expect(scenarios.map(({ scenario }) => scenario.name)).toEqual(["b", "a"])
    expect(problems).toMatchObject([
      {
        file: path("twice.yaml"),
        line: 2,
        column: 7,
        length: 1,
        message: `the name b is taken by ${path("some/b.yaml")}`,
      },
    ])
  })

  it("lead to a problem where a file is not text", () => {
    expect(loadScenarios([path("binary.yaml")]).problems).toMatchObject([
      { file: path("binary.yaml"), message: "the file is not text in UTF-8" },
    ])
  })
})
