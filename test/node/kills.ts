/**
 * Kills runners of a simulated cluster on real sockets as often as one likes: `node test/node/kills.ts [--kills 200] [--seed 1]`. Prints
 * one JSON document; exits with 1 if anything was lost or left over.
 */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import { killRunners } from "./killRunners.ts"
import { serveThree } from "./Runners.ts"

const { values } = parseArgs({
  options: { kills: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
})
const served = await serveThree()
const beganMs = performance.now()
const result = await Effect.runPromise(killRunners(served, { kills: Number(values.kills), seed: Number(values.seed) }))
served.close()
console.log(JSON.stringify({ ...result, wallMs: Math.round(performance.now() - beganMs) }))
process.exitCode = result.lost.length + result.orphans.length + result.crashes === 0 ? 0 : 1
