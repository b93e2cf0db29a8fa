/** What an `ask` of a scenario is to the engine. */
import type { Wish } from "@shardwright/core/State"
import type { Ask } from "../scenario/Scenario.ts"

/** The wish of an `ask`. */
export const askedWish = ({ wish, of }: Ask): Wish => {
  switch (wish) {
    case "pause":
      return { _tag: "Pause", operation: of }
    case "resume":
      return { _tag: "Resume", operation: of }
    case "stop":
    case "stop-now":
      return { _tag: "Stop", operation: of, now: wish === "stop-now" }
    case "approve":
      return { _tag: "Approve", operation: of }
    case "reset":
    case "start-again":
      return { _tag: "Reset", operation: of, start: wish === "start-again" }
    case "rebalance":
      return { _tag: "Rebalance", tables: of === "all" ? null : [of] }
    case "adopt":
      return { _tag: "Adopt", rf: {} }
    case "drop":
      return { _tag: "DropTable", table: of }
  }
}
