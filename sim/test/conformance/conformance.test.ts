/**
 * Holds the simulated world against recordings of a real cluster, and against the same recordings with other names. The
 * recordings live beside the repository; without them there is nothing to hold it against, and the test says so.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { describe, expect, it } from "vitest"
import { type ConformanceReport, replayAll, transcriptFiles } from "../../src/conformance/Conformance.ts"
import { parseTranscript } from "../../src/conformance/Transcript.ts"
import { renamed } from "./Renaming.ts"

const folder = process.env["SHARDWRIGHT_TRANSCRIPTS"] ?? join(import.meta.dirname, "../../../../shared/transcripts")
/** Seed of the other names; any other gives the same figures. */
const renamingSeed = Number(process.env["SHARDWRIGHT_RENAMING"] ?? 1)
const found = existsSync(folder)
const families = found
  ? readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  : []

if (!found) console.log(`skipped: no recordings at ${folder}; SHARDWRIGHT_TRANSCRIPTS names another folder`)

const contents = (family: string): ReadonlyArray<readonly [file: string, content: string]> =>
  transcriptFiles([join(folder, family)]).map((file) => [file, readFileSync(file, "utf8")])

const originals = new Map<string, ConformanceReport>()

const original = (family: string): ConformanceReport => {
  let report = originals.get(family)
  if (report === undefined) {
    report = replayAll(contents(family).map(([file, content]) => parseTranscript(content, basename(file), file)))
    originals.set(family, report)
  }
  return report
}

const places = (report: ConformanceReport): ReadonlyArray<string> => [
  ...report.differences.map(({ transcript, line }) => `${transcript}:${line}`),
  ...report.waitDifferences.map(({ transcript, line }) => `${transcript}:${line} (wait)`),
]

describe("recordings of a real cluster", () => {
  it.skipIf(!found)("are there, in families", () => {
    expect(families.length).toBeGreaterThan(0)
  })

  it.each(families)("%s: at least 97 of 100 statements are answered alike", { timeout: 120_000 }, (family) => {
    const report = original(family)
    expect(report.statements).toBeGreaterThan(0)
    // All of them are shown when they are too many.
    expect(report.agree < 0.97 * report.statements ? places(report) : []).toEqual([])
    expect(report.waits.agree).toBeGreaterThanOrEqual(0.97 * report.waits.statements)
  })

  it.each(families)("%s: the same lines agree under other names", { timeout: 120_000 }, (family) => {
    const changed: Record<string, number> = {}
    const copies = contents(family).map(([file, content]) => {
      const copy = renamed(content, renamingSeed)
      for (const kind of copy.changed) changed[kind] = (changed[kind] ?? 0) + 1
      return parseTranscript(copy.content, basename(file), `${file} (renamed)`)
    })
    expect(changed["names"]).toBeGreaterThan(0)
    const report = replayAll(copies)
    const before = original(family)
    expect(places(report)).toEqual(places(before))
    expect(report.families).toEqual(before.families)
    expect(report.notCompared).toEqual(before.notCompared)
  })
})
