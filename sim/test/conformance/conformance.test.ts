/**
 * Holds the simulated world against recordings of a real cluster. The recordings live beside the repository; without
 * them there is nothing to hold it against, and the test says so.
 */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { conformance } from "../../src/conformance/Conformance.ts"

const folder = process.env["SHARDWRIGHT_TRANSCRIPTS"] ?? join(import.meta.dirname, "../../../../shared/transcripts")
const found = existsSync(folder)
const families = found
  ? readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  : []

if (!found) console.log(`skipped: no recordings at ${folder}; SHARDWRIGHT_TRANSCRIPTS names another folder`)

describe("recordings of a real cluster", () => {
  it.skipIf(!found)("are there, in families", () => {
    expect(families.length).toBeGreaterThan(0)
  })

  it.each(families)("%s: at least 95 of 100 statements are answered alike", { timeout: 120_000 }, (family) => {
    const report = conformance([join(folder, family)])
    expect(report.statements).toBeGreaterThan(0)
    const differences = report.differences.map(
      ({ transcript, line, sql }) => `${transcript}:${line} ${sql.slice(0, 80)}`,
    )
    // All of them are shown when they are too many.
    expect(report.agree < 0.95 * report.statements ? differences : []).toEqual([])
    expect(report.waits.agree).toBeGreaterThanOrEqual(0.97 * report.waits.statements)
  })
})
