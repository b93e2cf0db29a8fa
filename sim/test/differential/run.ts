/**
 * Differential run: sequences drawn from seeds, played on real daemons, held against the world.
 *
 *   node sim/test/differential/run.ts --lab LAB.json --seeds 1..200 --out FOLDER [--shrink RUNS]
 *
 * FOLDER gets the transcript of each sequence, `seed-N.jsonl`; with --shrink also `seed-N.short.jsonl`, the shortest
 * found in so many more runs that still shows the first difference. Exit code 1: there are differences.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { compareRun, type RunComparison } from "@shardwright/sim/differential/compareRun"
import { drawSequence } from "@shardwright/sim/differential/drawSequence"
import { type Sequence, sizeOf } from "@shardwright/sim/differential/Sequence"
import { shrink } from "@shardwright/sim/differential/shrink"
import { type Lab, readLab } from "./Lab.ts"
import { runReal } from "./RealRun.ts"

const { values } = parseArgs({
  options: {
    lab: { type: "string", default: process.env["SHARDWRIGHT_LAB"] ?? "" },
    seeds: { type: "string", default: "1..10" },
    out: { type: "string" },
    shrink: { type: "string", default: "0" },
  },
})
const [first, last] = values.seeds.split("..").map(Number)
if (values.lab === "" || values.out === undefined || first === undefined || !Number.isInteger(first)) {
  console.error("usage: run.ts --lab LAB.json --seeds 1..200 --out FOLDER [--shrink RUNS]")
  process.exit(2)
}
const folder = values.out
const lab = readLab(values.lab)
mkdirSync(folder, { recursive: true })

const compared = async (sequence: Sequence, name: string): Promise<RunComparison> => {
  const transcript = await runReal(sequence, lab)
  writeFileSync(join(folder, `${name}.jsonl`), transcript)
  return compareRun(transcript, name)
}

/** Runs shorter ones until the bound is reached; each that still shows the difference replaces the file. */
const shorten = async (sequence: Sequence, signature: string, runs: number, lab: Lab): Promise<void> => {
  const name = `seed-${sequence.seed}.short`
  const search = shrink(sequence, runs)
  let next = search.next()
  while (next.done !== true) {
    const transcript = await runReal(next.value, lab)
    const shows = compareRun(transcript, name).differences.some((found) => found.signature === signature)
    if (shows) writeFileSync(join(folder, `${name}.jsonl`), transcript)
    next = search.next(shows)
  }
  console.log(`  seed ${sequence.seed}: ${sequence.steps.length} steps became ${next.value.steps.length}`)
}

const totals = { sequences: 0, statements: 0, faults: 0, compared: 0, agree: 0, waits: 0 }
const kinds = new Map<string, Array<number>>()
for (let seed = first; seed <= (last ?? first); seed++) {
  const sequence = drawSequence(seed)
  const size = sizeOf(sequence.steps)
  const found = await compared(sequence, `seed-${seed}`)
  totals.sequences++
  totals.statements += size.statements
  totals.faults += size.faults
  totals.compared += found.statements
  totals.agree += found.agree
  totals.waits += found.waits.length
  console.log(
    `seed ${seed}: ${found.agree} of ${found.statements} agree, waits that differ: ${found.waits.join(" ") || "none"}`,
  )
  for (const { line, signature } of found.differences) {
    console.log(`  line ${line}: ${signature}`)
    kinds.set(signature, [...(kinds.get(signature) ?? []), seed])
  }
  const [difference] = found.differences
  if (difference !== undefined && Number(values.shrink) > 0)
    await shorten(sequence, difference.signature, Number(values.shrink), lab)
}
console.log(JSON.stringify(totals))
for (const [kind, seeds] of [...kinds].sort((a, b) => b[1].length - a[1].length))
  console.log(`${seeds.length} × ${kind} (seeds ${[...new Set(seeds)].slice(0, 8).join(", ")})`)
process.exitCode = totals.agree === totals.compared ? 0 : 1
