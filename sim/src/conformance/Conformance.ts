/**
 * Holds the simulated world against recordings of a real cluster: plays them and compares every answer that
 * transcripts/README.md says may be compared.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { basename, join } from "node:path"
import { Replay, type Replayed } from "./Replay.ts"
import { parseTranscript, type Transcript } from "./Transcript.ts"

/** One statement that was answered otherwise. */
export interface Difference {
  readonly transcript: string
  readonly line: number
  readonly sql: string
  readonly expected: unknown
  readonly actual: unknown
}

/** How much agrees. */
export interface Agreement {
  readonly statements: number
  readonly agree: number
}

/** The result of `conformance`. */
export interface ConformanceReport extends Agreement {
  readonly transcripts: number
  readonly differences: ReadonlyArray<Difference>
  readonly families: Readonly<Record<string, Agreement>>
  /** Waits, stops and files: whether they came out as in the recording. */
  readonly waits: Agreement
  readonly waitDifferences: ReadonlyArray<{ readonly transcript: string; readonly line: number }>
  /** Lines that say nothing that could be compared, by reason. */
  readonly notCompared: Readonly<Record<string, number>>
  /** The same lines, one by one. */
  readonly notComparedLines: ReadonlyArray<{
    readonly transcript: string
    readonly line: number
    readonly reason: string
  }>
}

/** The transcript files below the given files and folders, in order of their names. */
export const transcriptFiles = (paths: ReadonlyArray<string>): ReadonlyArray<string> =>
  paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path]
    const names = readdirSync(path).sort()
    return transcriptFiles(
      names
        .filter((name) => name.endsWith(".jsonl") || statSync(join(path, name)).isDirectory())
        .map((name) => join(path, name)),
    )
  })

/** The transcripts at the given files and folders, in order of their names. Throws `TranscriptError` if one is none. */
export const readTranscripts = (paths: ReadonlyArray<string>): ReadonlyArray<Transcript> =>
  transcriptFiles(paths).map((file) => parseTranscript(readFileSync(file, "utf8"), basename(file, ".jsonl"), file))

/** Plays the transcripts at the given files and folders. All are read before the first is played. */
export const conformance = (paths: ReadonlyArray<string>, seed = 1): ConformanceReport =>
  replayAll(readTranscripts(paths), seed)

/** Plays transcripts that have been read. */
export const replayAll = (transcripts: Iterable<Transcript>, seed = 1): ConformanceReport =>
  summarize(Array.from(transcripts, (transcript) => new Replay(transcript, seed).run()))

const summarize = (replays: ReadonlyArray<Replayed>): ConformanceReport => {
  const families: Record<string, { statements: number; agree: number }> = {}
  const notComparedLines: Array<{ transcript: string; line: number; reason: string }> = []
  const differences: Array<Difference> = []
  const waitDifferences: Array<{ transcript: string; line: number }> = []
  let waits = 0
  for (const { transcript, statements, waits: waited, notCompared: skipped } of replays) {
    const name = `${transcript.family}/${transcript.name}`
    const family = (families[transcript.family] ??= { statements: 0, agree: 0 })
    for (const { line, reason } of skipped) notComparedLines.push({ transcript: name, line, reason })
    for (const { line, sql, expected, actual, verdict } of [...statements].sort((a, b) => a.line - b.line)) {
      if (verdict.kind === "skip") notComparedLines.push({ transcript: name, line, reason: verdict.reason })
      else family.statements++
      if (verdict.kind === "agree") family.agree++
      if (verdict.kind === "differ") differences.push({ transcript: name, line, sql, expected, actual })
    }
    waits += waited.length
    for (const wait of waited) if (!wait.agree) waitDifferences.push({ transcript: name, line: wait.line })
  }
  const notCompared: Record<string, number> = {}
  for (const { reason } of notComparedLines) notCompared[reason] = (notCompared[reason] ?? 0) + 1
  const totals = Object.values(families)
  return {
    transcripts: replays.length,
    statements: totals.reduce((sum, family) => sum + family.statements, 0),
    agree: totals.reduce((sum, family) => sum + family.agree, 0),
    differences,
    families,
    waits: { statements: waits, agree: waits - waitDifferences.length },
    waitDifferences,
    notCompared,
    notComparedLines,
  }
}
