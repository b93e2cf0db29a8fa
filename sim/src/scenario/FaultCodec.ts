/** The way between faults as they are written and as the simulator carries them out. */
import * as Duration from "effect/Duration"
import { defaults, duration, durationOr, spanFrom, spanTo, unless, unlessTime } from "./CodecParts.ts"
import type { Course, Fault, Links, Occasions, Part, Statements, Target } from "./Fault.ts"
import type { FaultSource, TargetSource } from "./FaultSource.ts"
import { durationText } from "./ScalarSchemas.ts"

/** A mapping with `node`, as opposed to `{zone}`, `{random}`, a list or a name. */
type WithNode<Fields> = { readonly node: TargetSource } & Fields
type TargetOr<Fields> = TargetSource | WithNode<Fields>

const hasNode = <Fields>(source: TargetOr<Fields>): source is WithNode<Fields> =>
  typeof source === "object" && "node" in source

const partFrom = (source: TargetOr<{ readonly what?: Part }>): { readonly node: Target; readonly what: Part } =>
  hasNode(source) ? { node: source.node, what: source.what ?? "host" } : { node: source, what: "host" }

const partTo = ({ node, what }: { readonly node: Target; readonly what: Part }) =>
  what === "host" ? node : { node, what }

interface OccasionsSource {
  readonly node?: TargetSource
  readonly times?: number
  readonly share?: number
}

const occasionsFrom = ({ node, times, share }: OccasionsSource): Occasions => ({
  node: node ?? null,
  times: times ?? null,
  share: share ?? null,
})

const occasionsTo = ({ node, times, share }: Occasions) => ({
  ...unless("node", node, null),
  ...unless("times", times, null),
  ...unless("share", share, null),
})

const placeFrom = (source: TargetOr<OccasionsSource>): Occasions =>
  occasionsFrom(hasNode(source) ? source : { node: source })

const placeTo = ({ node, times, share }: Occasions) => {
  // What is decoded from a file always has a node here: its key is needed.
  const place = node ?? "all"
  return times === null && share === null
    ? place
    : { node: place, ...unless("times", times, null), ...unless("share", share, null) }
}

interface StatementsSource extends OccasionsSource {
  readonly statement?: string
  readonly pattern?: string
}

const statementsFrom = (source: StatementsSource): Statements => ({
  statement: source.statement ?? null,
  pattern: source.pattern ?? null,
  ...occasionsFrom(source),
})

const statementsTo = (fault: Statements) => ({
  ...unless("statement", fault.statement, null),
  ...unless("pattern", fault.pattern, null),
  ...occasionsTo(fault),
})

interface LinksSource {
  readonly from: TargetSource
  readonly to?: TargetSource
  readonly symmetric?: boolean
}

const linksFrom = ({ from, to, symmetric }: LinksSource): Links => ({
  from,
  to: to ?? null,
  symmetric: symmetric ?? true,
})

const linksTo = ({ from, to, symmetric }: Links) => ({
  from,
  ...unless("to", to, null),
  ...unless("symmetric", symmetric, true),
})

/** The fault that is written. */
export const faultFrom = (source: FaultSource): Fault => {
  if ("kill" in source) return { _tag: "Kill", ...partFrom(source.kill) }
  if ("stop" in source) return { _tag: "Stop", ...partFrom(source.stop) }
  if ("restart" in source) {
    const flag = hasNode(source.restart) ? (source.restart.flag ?? null) : null
    return { _tag: "Restart", ...partFrom(source.restart), flag }
  }
  if ("pause" in source) return { _tag: "Pause", ...partFrom(source.pause) }
  if ("resume" in source) return { _tag: "Resume", ...partFrom(source.resume) }
  if ("partition" in source) return { _tag: "Partition", groups: source.partition }
  if ("cut" in source) return { _tag: "Cut", ...linksFrom(source.cut) }
  if ("flap" in source) return { _tag: "Flap", ...linksFrom(source.flap), every: duration(source.flap.every) }
  if ("ring" in source) return { _tag: "Ring", nodes: source.ring }
  if ("swizzle" in source) {
    const { nodes, step } = source.swizzle
    return { _tag: "Swizzle", nodes, step: durationOr(step, defaults.swizzleStep) }
  }
  if ("link" in source) {
    const { latency, loss } = source.link
    return { _tag: "Link", ...linksFrom(source.link), latency: durationOr(latency, Duration.zero), loss: loss ?? 0 }
  }
  if ("heal" in source) return { _tag: "Heal", what: source.heal }
  if ("slow" in source) return { _tag: "Slow", ...statementsFrom(source.slow), by: duration(source.slow.by) }
  if ("error" in source) {
    const { errno, message } = source.error
    return {
      _tag: "StatementError",
      ...statementsFrom(source.error),
      errno: errno ?? defaults.errno,
      message: message ?? defaults.errorMessage,
    }
  }
  if ("disconnect" in source)
    return { _tag: "Disconnect", ...statementsFrom(source.disconnect), when: source.disconnect.when ?? "before" }
  if ("loseReply" in source) return { _tag: "LoseReply", ...statementsFrom(source.loseReply) }
  if ("diskFull" in source) return { _tag: "DiskFull", ...placeFrom(source.diskFull) }
  if ("slowDisk" in source)
    return { _tag: "SlowDisk", ...occasionsFrom(source.slowDisk), by: duration(source.slowDisk.by) }
  if ("slowTransfer" in source)
    return { _tag: "SlowTransfer", ...occasionsFrom(source.slowTransfer), factor: source.slowTransfer.factor }
  if ("failTransfer" in source) return { _tag: "FailTransfer", ...placeFrom(source.failTransfer) }
  if ("keepWrite" in source) return { _tag: "KeepWrite", ...placeFrom(source.keepWrite) }
  if ("replicationPorts" in source) return { _tag: "ReplicationPorts", ...source.replicationPorts }
  if ("unlistLog" in source) return { _tag: "UnlistLog", ...source.unlistLog }
  if ("serverId" in source) return { _tag: "ServerId", ...source.serverId }
  if ("clockJump" in source) {
    const { node, ahead, behind } = source.clockJump
    const byMs = Duration.toMillis(duration(ahead ?? behind ?? ""))
    return { _tag: "ClockJump", node, byMs: ahead === undefined ? -byMs : byMs }
  }
  return { _tag: "ClockSkew", ...source.clockSkew }
}

/** A fault as it is written. */
export const faultTo = (fault: Fault): FaultSource => {
  switch (fault._tag) {
    case "Kill":
      return { kill: partTo(fault) }
    case "Stop":
      return { stop: partTo(fault) }
    case "Restart": {
      const { node, what, flag } = fault
      return { restart: flag === null ? partTo(fault) : { node, ...unless("what", what, "host"), flag } }
    }
    case "Pause":
      return { pause: partTo(fault) }
    case "Resume":
      return { resume: partTo(fault) }
    case "Partition":
      return { partition: fault.groups }
    case "Cut":
      return { cut: linksTo(fault) }
    case "Flap":
      return { flap: { ...linksTo(fault), every: durationText(fault.every) } }
    case "Ring":
      return { ring: fault.nodes }
    case "Swizzle":
      return { swizzle: { nodes: fault.nodes, ...unlessTime("step", fault.step, defaults.swizzleStep) } }
    case "Link":
      return {
        link: {
          ...linksTo(fault),
          ...unlessTime("latency", fault.latency, Duration.zero),
          ...unless("loss", fault.loss, 0),
        },
      }
    case "Heal":
      return { heal: fault.what }
    case "Slow":
      return { slow: { ...statementsTo(fault), by: durationText(fault.by) } }
    case "StatementError":
      return {
        error: {
          ...statementsTo(fault),
          ...unless("message", fault.message, defaults.errorMessage),
          ...unless("errno", fault.errno, defaults.errno),
        },
      }
    case "Disconnect":
      return { disconnect: { ...statementsTo(fault), ...unless("when", fault.when, "before") } }
    case "LoseReply":
      return { loseReply: statementsTo(fault) }
    case "DiskFull":
      return { diskFull: placeTo(fault) }
    case "SlowDisk":
      return { slowDisk: { node: fault.node ?? "all", ...occasionsTo(fault), by: durationText(fault.by) } }
    case "SlowTransfer":
      return { slowTransfer: { factor: fault.factor, ...occasionsTo(fault) } }
    case "FailTransfer":
      return { failTransfer: placeTo(fault) }
    case "KeepWrite":
      return { keepWrite: placeTo(fault) }
    case "ReplicationPorts":
      return { replicationPorts: { node: fault.node, count: fault.count } }
    case "UnlistLog":
      return { unlistLog: { node: fault.node, table: fault.table } }
    case "ServerId":
      return { serverId: { node: fault.node, id: fault.id } }
    case "ClockJump": {
      const by = durationText(Duration.millis(Math.abs(fault.byMs)))
      return { clockJump: { node: fault.node, ...(fault.byMs < 0 ? { behind: by } : { ahead: by }) } }
    }
    case "ClockSkew":
      return { clockSkew: { node: fault.node, rate: fault.rate } }
  }
}

interface CourseSource {
  readonly probability?: number
  readonly every?: string | ReadonlyArray<string>
  readonly times?: number
  readonly until?: string
  readonly for?: string | ReadonlyArray<string>
}

/** What an entry leaves to chance. */
export const courseFrom = (source: CourseSource): Course | null => {
  const { probability, every, times, until } = source
  if (probability === undefined && every === undefined && source.for === undefined) return null
  return {
    probability: probability ?? null,
    repeat:
      every === undefined ? null : { every: spanFrom(every), times: times ?? null, until: durationOr(until, null) },
    lasts: source.for === undefined ? null : spanFrom(source.for),
  }
}

export const courseTo = ({ probability, repeat, lasts }: Course) => ({
  ...unless("probability", probability, null),
  ...(repeat === null
    ? {}
    : {
        every: spanTo(repeat.every),
        ...unless("times", repeat.times, null),
        ...unlessTime("until", repeat.until, null),
      }),
  ...(lasts === null ? {} : { for: spanTo(lasts) }),
})
