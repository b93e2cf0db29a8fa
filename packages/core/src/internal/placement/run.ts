/**
 * One placement from input to result: adopt what exists, attach what is new, repair, balance, compare.
 */
import type { Placement, PlacementInput } from "../../Placement.ts"
import { attachNewShards, placeStranded } from "./attach.ts"
import { level, settle } from "./level.ts"
import { modelOf } from "./model.ts"
import { repair } from "./repair.ts"
import { leastMoves, resultOf } from "./result.ts"

export const placeReplicas = (input: PlacementInput, groupsPerNode: number, groupBudget: number): Placement => {
  const model = modelOf(input, groupsPerNode, groupBudget)
  const least = leastMoves(model)
  repair(model)
  placeStranded(model)
  attachNewShards(model)
  settle(model)
  if (input.rebalance !== false) level(model)
  return resultOf(model, least)
}
