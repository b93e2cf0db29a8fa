/**
 * Seeds of chaos that have failed, in a file: a line of JSON for each, so that two branches that add some can be merged.
 * They run first the next time. A seed stays when it passes again: it has shown something once.
 */
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const CorpusSeed = Schema.Struct({
  profile: Schema.String,
  seed: Schema.Int,
  /** What it was found with. */
  class: Schema.String,
  checker: Schema.String,
})
/** A seed that has failed. */
export type CorpusSeed = typeof CorpusSeed.Type

const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(CorpusSeed))

/** The seeds in a file; none if there is no such file yet. On failure, what is wrong with it, and where. */
export const readCorpus = (file: string): Result.Result<ReadonlyArray<CorpusSeed>, string> => {
  if (!NodeFs.existsSync(file)) return Result.succeed([])
  const seeds: Array<CorpusSeed> = []
  for (const [index, line] of NodeFs.readFileSync(file, "utf8").split("\n").entries()) {
    if (line.trim() === "") continue
    const read = decodeLine(line)
    if (Result.isFailure(read))
      return Result.fail(`${file}:${index + 1}:1: no seed of a corpus: ${read.failure.message}`)
    seeds.push(read.success)
  }
  return Result.succeed(seeds)
}

/** Adds the seeds that the file does not have yet. Those that it has stay as they were found. */
export const addToCorpus = (file: string, known: ReadonlyArray<CorpusSeed>, found: ReadonlyArray<CorpusSeed>): void => {
  const isNew = ({ profile, seed }: CorpusSeed) => !known.some((it) => it.profile === profile && it.seed === seed)
  const lines = found.filter(isNew).map((it) => `${JSON.stringify(it)}\n`)
  if (lines.length === 0) return
  NodeFs.mkdirSync(NodePath.dirname(file), { recursive: true })
  NodeFs.appendFileSync(file, lines.join(""))
}
