/**
 * What a wish from outside leads to: a plan, or the reason why there is none. A dry run is this function and nothing
 * else; the leader carries out what it answers.
 */
import type { EngineConfig } from "../EngineConfig.ts"
import type { Mutation } from "../Mutation.ts"
import { isLive, type Operation, type Wish } from "../State.ts"
import { tableWishProblem } from "../TableWish.ts"
import type { View } from "../View.ts"
import { planConverge } from "./converge.ts"
import { planCreate } from "./create.ts"
import { planDrop } from "./drop.ts"
import { isRefusal, notYet, type Plan, type Presence, refused, type Refusal } from "./Plan.ts"
import { planReplace } from "./replace.ts"
import { planSetRf } from "./setRf.ts"
import { planForcedPromotion, planReunion } from "./word.ts"
import { planSplit } from "./split.ts"

/** Wishes that lead to an operation. */
export type PlannedWish = Extract<
  Wish,
  {
    readonly _tag:
      | "CreateTable"
      | "DropTable"
      | "Rebalance"
      | "Repair"
      | "SetRf"
      | "SplitGroup"
      | "ReplaceNode"
      | "Adopt"
      | "PromoteGroup"
      | "ReuniteGroup"
  }
>

const plannedTags: ReadonlySet<string> = new Set<PlannedWish["_tag"]>([
  "CreateTable",
  "DropTable",
  "Rebalance",
  "Repair",
  "SetRf",
  "SplitGroup",
  "ReplaceNode",
  "Adopt",
  "PromoteGroup",
  "ReuniteGroup",
])

/** True for wishes that lead to an operation; the others are about operations and nodes that are there. */
export const isPlanned = (wish: Wish): wish is PlannedWish => plannedTags.has(wish._tag)

/** What a wish leads to. */
export type WishPlan =
  | { readonly _tag: "Plan"; readonly plan: Plan }
  /** It will not be done; the reason is the answer. */
  | { readonly _tag: "Refused"; readonly reason: string }
  /** It will be done when something else has ended. */
  | { readonly _tag: "Waits"; readonly reason: string }
  | { readonly _tag: "Nothing"; readonly reason: string }

/** An operation as refusals name it. */
export const operationText = (operation: Operation): string => `operation ${operation.id} (${operation.status})`

/**
 * Why a table cannot be worked on now, or undefined. Operations that somebody asked for exclude each other on a table;
 * those that the engine began by itself are waited for.
 */
const heldTable = (view: View, name: string): WishPlan | undefined => {
  const id = view.tables.get(name)?.record.operation ?? null
  if (id === null) return undefined
  const holder = view.operations.get(id)?.record
  // A draft that is seen here has failed, and is given up.
  if (holder === undefined || !isLive(holder)) {
    return { _tag: "Waits", reason: `table '${name}' is about to be released` }
  }
  const reason = `table '${name}' is held by ${operationText(holder)}`
  return { _tag: holder.request === null ? "Waits" : "Refused", reason }
}

/** What a planner's answer means for the wish. */
export const answered = (plan: Plan | Refusal): WishPlan => {
  if (!isRefusal(plan)) return { _tag: "Plan", plan }
  return { _tag: plan.final ? "Refused" : "Waits", reason: plan.reason }
}

/** Plans a wish. `operation` is the id that the operation will have: names of new groups come from it. */
export const planWish = (
  view: View,
  presence: Presence,
  config: EngineConfig,
  operation: string,
  wish: Exclude<PlannedWish, { readonly _tag: "Adopt" }>,
  mutations: ReadonlySet<Mutation> = new Set(),
): WishPlan => {
  switch (wish._tag) {
    case "CreateTable": {
      const existing = view.tables.get(wish.table)?.record
      const held = heldTable(view, wish.table)
      if (held !== undefined) return held
      // What is left of a creation that failed goes first: it would look like shards of the new table.
      if (existing?.status === "failed") return { _tag: "Waits", reason: `what is left of '${wish.table}' goes first` }
      const problem =
        tableWishProblem(wish) ??
        (existing !== undefined && existing.status !== "dropped"
          ? `table '${wish.table}' exists already (${existing.status})`
          : undefined)
      const plan = problem ?? planCreate(view, presence, config, operation, wish)
      return answered(typeof plan === "string" ? refused(plan) : plan)
    }
    case "DropTable": {
      const table = view.tables.get(wish.table)?.record
      if (table === undefined || table.status === "dropped") {
        return { _tag: "Refused", reason: `there is no sharded table '${wish.table}'` }
      }
      const held = heldTable(view, wish.table)
      if (held !== undefined) return held
      const plan = planDrop(view, presence, operation, table)
      return answered(typeof plan === "string" ? notYet(plan) : plan)
    }
    case "Rebalance": {
      for (const name of wish.tables ?? []) {
        if (view.tables.get(name)?.record.status !== "ready") {
          return { _tag: "Refused", reason: `there is no sharded table '${name}' that is ready` }
        }
        const held = heldTable(view, name)
        if (held !== undefined) return held
      }
      const tables = wish.tables === null ? null : new Set(wish.tables)
      const plan = planConverge(view, presence, config, operation, { rebalance: true, requested: true, tables })
      return plan === undefined ? { _tag: "Nothing", reason: "nothing to do" } : { _tag: "Plan", plan }
    }
    case "Repair": {
      const plan = planConverge(view, presence, config, operation, { rebalance: true, balance: false, requested: true })
      return plan === undefined
        ? { _tag: "Nothing", reason: "nothing is to be repaired, or can be now" }
        : { _tag: "Plan", plan }
    }
    case "SetRf": {
      const held = wish.tables.map((name) => heldTable(view, name)).find((it) => it !== undefined)
      return held ?? answered(planSetRf(view, presence, config, operation, wish, mutations))
    }
    case "SplitGroup":
      return answered(planSplit(view, presence, config, operation, wish))
    case "ReplaceNode":
      return answered(planReplace(view, presence, config, operation, wish))
    case "PromoteGroup":
      return answered(planForcedPromotion(view, presence, wish))
    case "ReuniteGroup":
      return answered(planReunion(view, presence, config, operation, wish))
  }
}
