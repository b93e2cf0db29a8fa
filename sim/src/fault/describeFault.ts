/** Faults in words, for traces, timelines and summaries. */
import * as Duration from "effect/Duration"
import type { Course, Fault, Links, Occasions, Span, Statements } from "../scenario/Fault.ts"
import { showDuration } from "../scenario/showDuration.ts"
import { targetText } from "./aim.ts"

const places = ({ node, times, share }: Occasions): string =>
  [
    node === null ? "" : ` on ${targetText(node)}`,
    share === null ? "" : `, a share of ${share}`,
    times === null ? "" : ` ${times} times`,
  ].join("")

const statements = ({ statement, pattern }: Statements): string =>
  pattern === null ? `'${statement ?? ""}'` : `/${pattern}/`

const ends = ({ from, to, symmetric }: Links): string =>
  `${targetText(from)} ${symmetric ? "and" : "to"} ${to === null ? "all others" : targetText(to)}`

const ahead = (byMs: number): string =>
  `${showDuration(Duration.millis(Math.abs(byMs)))} ${byMs < 0 ? "back" : "ahead"}`

/** What happens. */
export const describeFault = (fault: Fault): string => {
  switch (fault._tag) {
    case "Kill":
    case "Stop":
    case "Restart":
    case "Pause":
    case "Resume":
      return `${fault._tag.toLowerCase()} ${fault.what} of ${targetText(fault.node)}${fault._tag === "Restart" && fault.flag !== null ? ` with --${fault.flag}` : ""}`
    case "Partition":
      return `partition ${fault.groups.map(targetText).join(" | ")}`
    case "Cut":
      return `cut ${ends(fault)}`
    case "Flap":
      return `cut and mend ${ends(fault)} every ${showDuration(fault.every)}`
    case "Ring":
      return `ring of ${targetText(fault.nodes)}`
    case "Swizzle":
      return `swizzle ${targetText(fault.nodes)}, ${showDuration(fault.step)} apart`
    case "Link":
      return `link ${ends(fault)}: ${showDuration(fault.latency)} later, loss ${fault.loss}`
    case "Heal":
      return `heal ${fault.what}`
    case "Slow":
      return `slow ${statements(fault)} by ${showDuration(fault.by)}${places(fault)}`
    case "StatementError":
      return `error ${fault.errno} '${fault.message}' for ${statements(fault)}${places(fault)}`
    case "Disconnect":
      return `disconnect ${fault.when} ${statements(fault)}${places(fault)}`
    case "LoseReply":
      return `lose replies to ${statements(fault)}${places(fault)}`
    case "DiskFull":
      return `disk full${places(fault)}`
    case "SlowDisk":
      return `disk slow by ${showDuration(fault.by)}${places(fault)}`
    case "SlowTransfer":
      return `transfers ${fault.factor} times slower${places(fault)}`
    case "FailTransfer":
      return `transfers fail${places(fault)}`
    case "KeepWrite":
      return `stops keep writes${places(fault)}`
    case "ReplicationPorts":
      return `${fault.count} replication ports on ${targetText(fault.node)}`
    case "UnlistLog":
      return `log of ${fault.table} in no list on ${targetText(fault.node)}`
    case "ServerId":
      return `server_id ${fault.id} on ${targetText(fault.node)}`
    case "ClockJump":
      return `clock of ${targetText(fault.node)} jumps ${ahead(fault.byMs)}`
    case "ClockSkew":
      return `clock of ${targetText(fault.node)} runs at rate ${fault.rate}`
  }
}

/** A length of time between two bounds. */
export const showSpan = ({ min, max }: Span): string =>
  Duration.equals(min, max) ? showDuration(min) : `${showDuration(min)} to ${showDuration(max)}`

/** What is left to chance, to be put behind the fault; empty where nothing is. */
export const describeCourse = ({ probability, repeat, lasts }: Course): string =>
  [
    lasts === null ? "" : ` for ${showSpan(lasts)}`,
    repeat === null ? "" : `, every ${showSpan(repeat.every)}`,
    probability === null ? "" : `, with probability ${probability}`,
  ].join("")
