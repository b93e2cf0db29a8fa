/**
 * Looks for defects in chaos: in how many seeds of a range each is found, and in which one first.
 *
 *   node sim/test/mutants/run.ts [--seeds 0..2000] [--profile NAME] [--first] [MECHANISM…]
 *
 * Without names: all that are in the table. `--first` ends with the first seed that finds the defect. A line for each one.
 */
import { parseArgs } from "node:util"
import { type Mutation, mutations } from "@shardwright/core/Mutation"
import { replaySeed } from "../../src/chaos/RunChaos.ts"
import { defects } from "./defects.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "0..2000" },
    profile: { type: "string", default: "default" },
    first: { type: "boolean", default: false },
  },
})
const [from = 0, to = 0] = values.seeds.split("..").map(Number)
const asked = mutations.filter((mutation) => positionals.includes(mutation))
if (asked.length !== positionals.length || !(from < to)) {
  console.error("usage: run.ts [--seeds A..B] [--profile NAME] [--first] [MECHANISM…]")
  process.exit(2)
}

const look = (mutation: Mutation, profile: string) => {
  const found: Array<number> = []
  const checkers = new Map<string, number>()
  let seeds = 0
  for (let seed = from; seed < to && !(values.first && found.length > 0); seed++, seeds++) {
    const { passed, violations } = replaySeed(seed, profile, {
      mutations: [mutation],
      stopAtViolation: true,
      untraced: true,
    })
    if (passed) continue
    found.push(seed)
    for (const checker of new Set(violations.map((violation) => violation.checker)))
      checkers.set(checker, (checkers.get(checker) ?? 0) + 1)
  }
  const by = [...checkers].toSorted((left, right) => right[1] - left[1]).map(([name, count]) => `${name} ${count}`)
  const text = found.length === 0 ? "never" : `${found.length}, first ${found[0]} (${by.join(", ")})`
  console.log(`${mutation} in ${profile}: found in ${text} of ${seeds}`)
}

for (const name of asked.length > 0 ? asked : new Set(defects.map(({ mutation }) => mutation)))
  look(name, values.profile)
