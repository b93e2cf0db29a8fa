/**
 * Faults as they are written, each under a key of its own. An entry of the timeline has one of them beside its moment, and
 * a request to the control of `sim serve` has one of them alone.
 */
import * as Schema from "effect/Schema"
import { dropMoments, groupWords, healables, parts, startFlags } from "./Fault.ts"
import { decimal, flag, Length, oneOf, Pattern, Selector, TargetName, Text, whole, Word } from "./ScalarSchemas.ts"
import { described, exactlyOne, limits, optional, someOf, SpanSource } from "./SourceParts.ts"

// ------------------------------------------------------------------------------------------------------ where it hits

const ZoneSource = Schema.Struct({ zone: described(Word, "All nodes of this zone.") })
const RandomSource = Schema.Struct({ random: described(whole(1, limits.nodes), "So many nodes, drawn at random.") })
const NodeListSource = someOf(Selector, "nodes")

const targetExpected =
  "the name of a node, leader, victim, one, minority, majority, all, a list of nodes, {zone: z} or {random: k}"

/** The nodes that a fault hits. */
const TargetSource = Schema.Union([TargetName, NodeListSource, ZoneSource, RandomSource]).annotate({
  identifier: "Target",
  expected: targetExpected,
})
const aTarget =
  "A node by name or word (leader, victim, donor, joiner), nodes that are drawn (one, minority, majority, all, {random: k}), a list, or a zone ({zone: z})."

const groupSaid = {
  expected: "a list of nodes, at least one; or one, minority, majority, {zone: z} or {random: k}",
  cure: (found: unknown) => (typeof found === "string" ? `write it as a list: [[${found}]]` : "name at least one node"),
}

/** One side of a partition. */
const GroupSource = Schema.Union([
  NodeListSource,
  oneOf(groupWords).annotate(groupSaid),
  ZoneSource,
  RandomSource,
]).annotate(groupSaid)

/** A target alone, or a mapping that names it beside other keys. */
const targetOr = <const Fields extends Schema.Struct.Fields>(fields: Fields, expected: string) =>
  Schema.Union([
    TargetName,
    NodeListSource,
    ZoneSource,
    RandomSource,
    Schema.Struct({ node: described(TargetSource, aTarget), ...fields }),
  ]).annotate({ expected: `${targetExpected}; or ${expected}` })

const occasions = {
  times: optional(whole(1, 1_000_000), "How many times it hits each node. Default: until it ends."),
  share: optional(decimal(0.000_001, 1), "Share of the occasions that it hits, drawn for each. Default: 1."),
}

/** Statements by their text, on some nodes. */
const statementsWith = <const Fields extends Schema.Struct.Fields>(fields: Fields, expected: string) =>
  Schema.Struct({
    statement: optional(Text, "Statements that contain this text, in upper or lower case."),
    pattern: optional(Pattern, "Statements that match this regular expression, in upper or lower case."),
    node: optional(TargetSource, `On these nodes only. ${aTarget} Default: on every node.`),
    ...occasions,
    ...fields,
  })
    .annotate({ expected })
    .check(
      exactlyOne(
        ["statement", "pattern"],
        'say which statements: `statement: "JOIN CLUSTER"`, or `pattern: "^INSERT"`',
      ),
    )

const linksWith = <const Fields extends Schema.Struct.Fields>(fields: Fields, expected: string) =>
  Schema.Struct({
    from: described(TargetSource, `The nodes that send. ${aTarget}`),
    to: optional(TargetSource, `The nodes that receive. ${aTarget} Default: all others.`),
    symmetric: optional(flag, "Whether the other direction is meant as well. Default: true."),
    ...fields,
  }).annotate({ expected })

const partOfNode = (what: string) =>
  targetOr(
    { what: optional(oneOf(parts), `What of it is ${what}. Default: host, which is daemon and agent.`) },
    "{node, what: host | daemon | agent}",
  )

// ---------------------------------------------------------------------------------------------------------- the faults

/** Faults that end by themselves where the entry says `for`. */
export const lastingFaults = {
  kill: described(partOfNode("killed"), "SIGKILL: the host, or its daemon or agent alone."),
  stop: described(partOfNode("stopped"), "SIGTERM: a clean stop."),
  pause: described(partOfNode("stalled"), "SIGSTOP: the process stalls."),
  partition: described(
    someOf(GroupSource, "groups of nodes"),
    "Groups of nodes that do not see each other; replaces what was cut before. Nodes that are named in no group form one more.",
  ),
  cut: described(
    linksWith({}, "{from: n1, to: n2}"),
    "Links of the network are cut, besides what is cut already: between two nodes, two sets of them, or some and all others.",
  ),
  flap: described(
    linksWith(
      { every: described(Length, "How long the links are cut, and then whole, in turns.") },
      "{from: n1, every: 2s}",
    ),
    "Links are cut and mended in turns.",
  ),
  ring: described(TargetSource, "Each of these nodes sees only the one before and the one after it. " + aTarget),
  swizzle: described(
    Schema.Struct({
      nodes: described(TargetSource, aTarget),
      step: optional(Length, "Time between two nodes. Default: 1s."),
    }).annotate({ expected: "{nodes: majority, step: 1s}" }),
    "The nodes are cut off one after another in random order; in the end they come back one after another in another order.",
  ),
  link: described(
    linksWith(
      {
        latency: optional(Length, "How much longer a message takes, one way. Default: no longer."),
        loss: optional(decimal(0, 0.99), "Share of packets that are lost and sent again. Default: 0."),
      },
      "{from: n1, to: n2, latency: 50ms, loss: 0.1}",
    ),
    "Links become slow, or lose packets that TCP then sends again.",
  ),
  slow: described(
    statementsWith({ by: described(Length, "How much longer they take.") }, '{statement: "JOIN CLUSTER", by: 20s}'),
    "Some statements become slow.",
  ),
  error: described(
    statementsWith(
      {
        message: optional(Text, "Text of the error. Default: fault injected."),
        errno: optional(whole(1, 65_535), "Number of the error. Default: 1064."),
      },
      '{statement: INSERT, message: "out of luck"}',
    ),
    "Some statements are refused with an error and not executed.",
  ),
  disconnect: described(
    statementsWith(
      {
        when: optional(
          oneOf(dropMoments),
          "before: the statement is not executed. during: it is, and the client hears of the loss at once. after: it is, and the loss comes instead of the answer. Default: before.",
        ),
      },
      "{statement: INSERT, when: before | during | after}",
    ),
    "The connection of the client breaks at some statements.",
  ),
  loseReply: described(
    statementsWith({}, "{statement: INSERT}"),
    "Some statements are executed, and their answers get lost: the client waits until its time is over.",
  ),
  diskFull: described(
    targetOr(occasions, "{node, times, share}"),
    "The disk is full: statements that store something are refused, and full copies to the node fail.",
  ),
  slowDisk: described(
    Schema.Struct({
      node: described(TargetSource, aTarget),
      by: described(Length, "How much longer statements that store something take."),
      ...occasions,
    }).annotate({ expected: "{node: n1, by: 200ms}" }),
    "The disk is slow.",
  ),
  slowTransfer: described(
    Schema.Struct({
      factor: described(decimal(1, 1_000_000), "How many times longer copies take."),
      node: optional(TargetSource, `Where one of these is donor or joiner. ${aTarget} Default: everywhere.`),
      ...occasions,
    }).annotate({ expected: "{factor: 100, node: n1}" }),
    "Full copies and ALTER CLUSTER ADD take longer.",
  ),
  failTransfer: described(
    targetOr(occasions, "{node, times, share}"),
    "Full copies and ALTER CLUSTER ADD fail where one of these is donor or joiner.",
  ),
  keepWrite: described(
    targetOr(occasions, "{node, times, share}"),
    "A write that is on its way as its daemon is stopped stays with that one alone, and is acknowledged.",
  ),
  replicationPorts: described(
    Schema.Struct({
      node: described(TargetSource, aTarget),
      count: described(whole(0, 1_000), "Ports for replication; each cluster of a node takes two."),
    }).annotate({ expected: "{node: n1, count: 2}" }),
    "The node has few ports for replication.",
  ),
  unlistLog: described(
    Schema.Struct({
      node: described(TargetSource, aTarget),
      table: described(Schema.NonEmptyString, "The table as the daemon names it, such as system.t_s0."),
    }).annotate({ expected: "{node: n1, table: system.t_s0}" }),
    "The list of logs lacks the one of a table: a kill loses what is written to it meanwhile.",
  ),
  serverId: described(
    Schema.Struct({
      node: described(TargetSource, aTarget),
      id: described(whole(0, 127), "The server_id; nodes with the same one choose the same document ids."),
    }).annotate({ expected: "{node: [n1, n2], id: 7}" }),
    "The server_id of nodes, which several may share by mistake.",
  ),
  clockJump: described(
    Schema.Struct({
      node: described(TargetSource, aTarget),
      ahead: optional(Length, "How far forwards."),
      behind: optional(Length, "How far backwards."),
    })
      .annotate({ expected: "{node: n1, ahead: 1h}" })
      .check(exactlyOne(["ahead", "behind"], "write `ahead: 1h` or `behind: 1h`")),
    "The wall clock of the agent jumps.",
  ),
  clockSkew: described(
    Schema.Struct({
      node: described(TargetSource, aTarget),
      rate: described(decimal(0.01, 100), "Seconds that the clocks show go by in each second."),
    }).annotate({ expected: "{node: n1, rate: 1.1}" }),
    "The clocks of the agent run too fast or too slow.",
  ),
} as const

/** Acts that end a fault, or are over at once. */
export const momentaryFaults = {
  restart: described(
    targetOr(
      {
        what: optional(oneOf(parts), "What of it is started. Default: host, which is daemon and agent."),
        flag: optional(oneOf(startFlags), "Flag of the daemon's command line. Default: none."),
      },
      "{node, what: host | daemon | agent, flag: new-cluster | new-cluster-force}",
    ),
    "Starts what was killed or stopped; what still runs is killed first.",
  ),
  resume: described(partOfNode("woken"), "SIGCONT: a stalled process goes on."),
  heal: described(
    oneOf(healables),
    "network: partitions, cuts, rings, flapping and bad links end. slow, statements, disks, transfers, ports, ids, clocks: faults of that kind end. all: all of them. What was killed or stalled stays so.",
  ),
} as const

type Fields = typeof lastingFaults & typeof momentaryFaults
export type FaultKey = keyof Fields

const only = <const Key extends string, const Value extends Schema.Top>(key: Key, value: Value) =>
  // A computed key widens to `string`; it is the one given.
  ({ [key]: value }) as { readonly [_ in Key]: Value }

/** A mapping for each fault, with the further keys that its place allows, and what must hold of them. */
export const faultsWith = <
  const Lasting extends Schema.Struct.Fields,
  const Momentary extends Schema.Struct.Fields,
>(further: {
  /** Keys beside faults that may last for a time. */
  readonly lasting: Lasting
  /** Keys beside the others. */
  readonly momentary: Momentary
  readonly check: ReturnType<typeof exactlyOne>
}) => {
  const lasting = <const Key extends keyof typeof lastingFaults>(key: Key) =>
    Schema.Struct({ ...further.lasting, ...only(key, lastingFaults[key]) }).check(further.check)
  const momentary = <const Key extends keyof typeof momentaryFaults>(key: Key) =>
    Schema.Struct({ ...further.momentary, ...only(key, momentaryFaults[key]) }).check(further.check)
  return [
    lasting("kill"),
    lasting("stop"),
    momentary("restart"),
    lasting("pause"),
    momentary("resume"),
    lasting("partition"),
    lasting("cut"),
    lasting("flap"),
    lasting("ring"),
    lasting("swizzle"),
    lasting("link"),
    momentary("heal"),
    lasting("slow"),
    lasting("error"),
    lasting("disconnect"),
    lasting("loseReply"),
    lasting("diskFull"),
    lasting("slowDisk"),
    lasting("slowTransfer"),
    lasting("failTransfer"),
    lasting("keepWrite"),
    lasting("replicationPorts"),
    lasting("unlistLog"),
    lasting("serverId"),
    lasting("clockJump"),
    lasting("clockSkew"),
  ] as const
}

/** Keys of all faults. */
// The keys of a literal are the keys of its type.
export const faultKeys = [...Object.keys(lastingFaults), ...Object.keys(momentaryFaults)] as ReadonlyArray<FaultKey>

/** A fault as it is written: exactly one of its keys. */
export type FaultSource = { [Key in FaultKey]: { readonly [_ in Key]: Fields[Key]["Type"] } }[FaultKey]
export type TargetSource = typeof TargetSource.Type

/** What faults may leave to chance, and how often they come due. */
export const chances = {
  probability: optional(decimal(0, 1), "How likely it is that the fault happens, drawn each time. Default: 1."),
  every: optional(
    SpanSource,
    "The fault comes due again and again, so long after the last time; needs `times` or `until`. Default: once.",
  ),
  times: optional(whole(1, 1_000_000), "How many times in all. Default: until `until`."),
  until: optional(Length, "Not later than this, counted from time zero. Default: `times` times."),
}

/** How long a fault lasts. */
export const lasts = {
  for: optional(SpanSource, "How long it lasts. Default: until something else ends it."),
}
