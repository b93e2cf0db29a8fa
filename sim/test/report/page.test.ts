import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import * as Result from "effect/Result"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { page } from "../../src/report/page.ts"
import { Recorder } from "../../src/report/Recorder.ts"
import type { Call, Recording } from "../../src/report/Recording.ts"
import { runScenario } from "../../src/run/RunScenario.ts"
import { loadScenario } from "../../src/scenario/ScenarioFile.ts"
import { Browser, type Page } from "./Chromium.ts"

const scenario = Result.getOrThrow(
  loadScenario(
    `shardwright: 1
name: shown
about: A node dies and comes back while a table is made.
cluster: {nodes: 3}
settings: {gracePeriod: 5m}
tables: [{name: t, shards: 2, rf: 2}]
workloads: [{table: t, until: 20s}]
timeline:
  - {at: 2s, create: {name: u, shards: 2, rf: 3}}
  - {at: 12s, kill: {node: n2, what: daemon}, for: 5s}
quiesce: 3m
`,
    "shown.yaml",
  ),
)

let folder: string
let browser: Browser
let tab: Page
let recording: Recording

const open = async (name: string, shown: Recording): Promise<void> => {
  const file = path.join(folder, name)
  fs.writeFileSync(file, page(shown))
  await tab.open(file, 'document.documentElement.dataset.ready === "true"')
  await tab.frame()
}
const textOf = (selector: string) => tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`)
const clock = () => tab.evaluate('document.getElementById("clock").value')
const moveTo = async (ms: number): Promise<void> => {
  await tab.evaluate(
    `{ const it = document.getElementById("scrubber"); it.value = ${ms}; it.dispatchEvent(new Event("input")) }`,
  )
  await tab.frame()
}

const problem = await Browser.problem()
if (problem !== undefined) console.log(`skipped: the page in a browser; ${problem}`)

describe.skipIf(problem !== undefined)("the page of a report", () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "report-"))
    const recorder = new Recorder()
    const result = runScenario(scenario, { seed: 1, inspector: recorder.inspector })
    const violations = [
      { checker: "lost-write", atMs: 9_000, message: '</script><img src=x onerror="document.title=1"> & <b>' },
      { checker: "orphans", atMs: 15_000, message: "two" },
    ]
    recording = recorder.recording(
      { ...result, passed: false, class: "correctness", violations },
      scenario.about,
      "again",
    )
    browser = await Browser.launch()
    tab = browser.page
  }, 90_000)

  afterAll(async () => {
    await browser.close()
    fs.rmSync(folder, { recursive: true, force: true })
  })

  it("opens by itself: no error, and nothing asked for", { timeout: 60_000 }, async () => {
    tab.requests.length = 0
    await open("plain.html", recording)
    expect(tab.errors).toEqual([])
    expect(tab.requests.map((url) => path.basename(url))).toEqual(["plain.html"])
    expect(await textOf("h1")).toBe("shown")
    expect(await tab.evaluate("document.querySelectorAll('#charts canvas').length")).toBe(2)
  })

  it("shows texts of the run as texts", async () => {
    expect(await textOf("#violations")).toContain('</script><img src=x onerror="document.title=1"> & <b>')
    expect(await tab.evaluate("document.images.length")).toBe(0)
    expect(await tab.evaluate("document.title")).toBe("shown, seed 1")
  })

  it("begins at the first violation, and shows the cluster at any moment", async () => {
    expect(await clock()).toBe("9.000 s")
    await moveTo(11_000)
    expect(await textOf("#cluster tbody tr:nth-child(2)")).toMatch(/^n2.*up/)
    await moveTo(14_000)
    expect(await textOf("#cluster tbody tr:nth-child(2)")).toMatch(/^n2.*killed.*none$/)
    expect(await textOf("#cluster")).toMatch(/fault until 17\.000 s: kill daemon of n2/)
    expect(await textOf("#cluster")).toMatch(/t\/02in sync/)
  })

  it("draws the state of nodes over time, with the fault where it was", async () => {
    const pixel = (ms: number, y: number) =>
      tab.evaluate(`{
        const canvas = document.getElementById("timeline")
        const x = 112 + (${ms} / ${recording.result.virtualMs}) * (canvas.clientWidth - 112)
        const [r, g, b] = canvas.getContext("2d").getImageData(Math.round(x * devicePixelRatio), ${y} * devicePixelRatio, 1, 1).data
        r > g ? "red" : "green"
      }`)
    await tab.press("0")
    // Axis, one lane of faults, the leader, the row of n1, and into the bar of n2.
    const y = 22 + 22 + 22 + 34 + 6
    expect(await pixel(8_000, y)).toBe("green")
    expect(await pixel(14_500, y)).toBe("red")
    expect(await pixel(recording.result.virtualMs - 3_000, y)).toBe("green")
  })

  it("shows the plan of an operation, with its steps as they were", async () => {
    const create = recording.operations.find(({ kind, table }) => kind === "create" && table === "u")
    const steps = create?.steps.length ?? 0
    await tab.evaluate(
      `{ const it = document.getElementById("operation"); it.value = ${JSON.stringify(create?.id)}; it.dispatchEvent(new Event("change")) }`,
    )
    await moveTo(2_100)
    const count = (state: string) => tab.evaluate(`document.querySelectorAll("#plan .step.${state}").length`)
    expect(await tab.evaluate('document.querySelectorAll("#plan .step").length')).toBe(steps)
    expect(await count("done")).toBeLessThan(steps)
    await moveTo(11_900)
    expect(await count("done")).toBe(steps)
    const edges = create?.steps.reduce((sum, step) => sum + step.dependsOn.length, 0)
    expect(await tab.evaluate('document.querySelectorAll("#plan .edge").length')).toBe(edges)
  })

  it("can be read by keyboard alone", async () => {
    await moveTo(0)
    await tab.press("v")
    expect(await clock()).toBe("9.000 s")
    await tab.press("v")
    expect(await clock()).toBe("15.000 s")
    await tab.press("V")
    expect(await clock()).toBe("9.000 s")
    const moment = () => tab.evaluate('Number(document.getElementById("scrubber").value)')
    await tab.press("]")
    const event = await moment()
    expect(event).toBeGreaterThan(9_000)
    await tab.press("]")
    expect(await moment()).toBeGreaterThan(Number(event))
    await tab.press("[")
    expect(await moment()).toBe(event)
    await tab.press("ArrowRight")
    expect(Number.parseFloat(String(await clock()))).toBeGreaterThan(9)
    await tab.press("Home")
    expect(await clock()).toBe("0.000 s")
    await tab.press("/")
    expect(await tab.evaluate("document.activeElement.id")).toBe("filter")
    await tab.press("v")
    expect(await tab.evaluate("document.activeElement.value")).toBe("v")
    const unnamed = await tab.evaluate(
      `[...document.querySelectorAll("input, select, button, canvas, [tabindex]")]
        .filter((it) => !it.closest("[role=img][aria-label]") && !it.ariaLabel && !it.labels?.length && !it.textContent.trim()).map((it) => it.id)`,
    )
    expect(unnamed).toEqual([])
  })

  it("is readable in light and in dark", async () => {
    const contrast = async (scheme: string) => {
      await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] })
      return tab.evaluate(`{
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\\d.]+/g).map((it) => { const c = it / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 })
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
        const back = light(getComputedStyle(document.body).backgroundColor)
        const texts = [document.body, ...document.querySelectorAll(".muted, .good, .bad, #violations")]
        ;[back < 0.2 ? "dark" : "light", Math.min(...texts.map((it) => ratio(back, light(getComputedStyle(it).color))))]
      }`) as Promise<readonly [string, number]>
    }
    for (const scheme of ["light", "dark"]) {
      const [shown, least] = await contrast(scheme)
      expect(shown).toBe(scheme)
      expect(least).toBeGreaterThan(4.5)
    }
  })

  it("stays fast with 100,000 events", { timeout: 120_000 }, async () => {
    const count = 100_000
    const calls = Array.from({ length: count }, (_, index): Call => [
      (index * 20_000) / count,
      1,
      "n1",
      `n${(index % 3) + 1}`,
      index % recording.texts.length,
      0,
    ])
    await open("large.html", { ...recording, calls })
    expect(await textOf("#count")).toMatch(/^10\d{4} events$/)
    const frames = (await tab.evaluate(`(async () => {
      const it = document.getElementById("scrubber")
      const took = []
      for (let move = 1; move <= 15; move++) {
        const from = performance.now()
        it.value = move * 1000
        it.dispatchEvent(new Event("input"))
        await new Promise((done) => requestAnimationFrame(() => done()))
        took.push(performance.now() - from)
      }
      return took.sort((a, b) => a - b)
    })()`)) as ReadonlyArray<number>
    // About a frame on a machine of its own; this one may be busy.
    expect(frames[7]).toBeLessThan(150)
    expect(await tab.evaluate('document.querySelectorAll("#events .row").length')).toBeLessThan(60)
    await tab.evaluate(
      '{ const it = document.getElementById("filter"); it.value = "violation"; it.dispatchEvent(new Event("input")) }',
    )
    expect(await textOf("#count")).toMatch(/^\d{1,3} events$/)
    expect(tab.errors).toEqual([])
  })
})
