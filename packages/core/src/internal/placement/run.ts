/**
 * One placement from input to result: adopt what exists, attach what is new, repair, balance, compare.
 */
import type { Placement, PlacementInput } from "../../Placement.ts"
import { attachNewShards, placeStranded } from "./attach.ts"
import { withBuddyLayouts } from "./buddy.ts"
import { level } from "./level.ts"
import { modelOf } from "./read.ts"
import { repair } from "./repair.ts"
import { leastMoves, resultOf } from "./result.ts"
import { settle } from "./settle.ts"

export const placeReplicas = (asked: PlacementInput, groupsPerNode: number, groupBudget: number): Placement => {
  const { fresh, input } = withBuddyLayouts(asked)
  const anew = (asked.layout ?? []).length === 0
  const model = modelOf(input, groupsPerNode, groupBudget, anew)
  const least = leastMoves(model)
  repair(model)
  placeStranded(model)
  attachNewShards(model)
  settle(model)
  if (input.rebalance !== false) level(model)
  return resultOf(model, least, fresh)
}
