/**
 * How long things take in the simulated world, in microseconds. The defaults are medians and ranges that were measured
 * on a real cluster (semantics.md, sections E and G; the numbers of findings are given). A range is drawn evenly.
 */

/** The shortest and the longest time that something takes. */
export interface Range {
  readonly minMicros: number
  readonly maxMicros: number
}

const ms = (milliseconds: number): number => Math.round(milliseconds * 1000)
const between = (fromMs: number, toMs: number): Range => ({ minMicros: ms(fromMs), maxMicros: ms(toMs) })

/** All times of the world. Pass a part of it to `new World` to change some. */
export interface Timings {
  /** One way between a client and a daemon, or between two daemons. */
  readonly networkMicros: number
  /** Work of a daemon for one simple statement. */
  readonly statementMicros: number
  /** Work for CREATE TABLE, DROP TABLE and TRUNCATE (E: 2.2 ms). */
  readonly tableStatementMicros: number
  /** From a write's sending to its place in the total order of its group, beyond one network hop (E: 0.5 ms an INSERT in all). */
  readonly orderMicros: number
  /** Usual delay until another member has applied a write, after the origin has. */
  readonly applyMicros: Range
  /** Share of writes that reach another member late, and by how much (finding 10: 6 of 300 reads stale, up to 1.4 ms). */
  readonly lateApplyShare: number
  readonly lateApplyMicros: Range
  /** From the start of the process until it accepts clients. */
  readonly startMicros: Range
  /** From then until a daemon that found its peers closed has made itself primary (cold start, finding 2). */
  readonly coldPrimaryMicros: Range
  /** From then until a daemon that found its group is a member again (E: 1.0 to 1.6 s until synced). */
  readonly rejoinMicros: Range
  /** A clean stop of a process that leaves no pair. */
  readonly stopMicros: Range
  /** Leaving a group of two: EXIT, DELETE CLUSTER and a clean stop (finding 28). */
  readonly leavePairMicros: Range
  /** Leaving a group of three or more, and the share of times when it takes longer. */
  readonly leaveMicros: Range
  readonly slowLeaveShare: number
  readonly slowLeaveMicros: Range
  /** Leaving as the only member. */
  readonly leaveAloneMicros: Range
  /** DELETE CLUSTER where the cluster is not primary (finding 26). */
  readonly leaveNonPrimaryMicros: number
  readonly createClusterMicros: Range
  /** JOIN of the second member, before rows are copied (finding 28). */
  readonly joinPairMicros: Range
  /** JOIN of a third or later member takes this many half seconds. */
  readonly joinHalfSecondsMin: number
  readonly joinHalfSecondsMax: number
  /** JOIN, per member of the node list that does not answer. */
  readonly joinDeadMemberMicros: number
  /** JOIN gives up when it has been in no primary view for so long (pc.wait_prim_timeout). */
  readonly joinWithoutQuorumMicros: number
  /** Full copy of tables: fixed part and speed. */
  readonly copyBaseMicros: number
  readonly copyBytesPerSecond: number
  /** Missed writes: fixed part and speed (G: 0.1 s, 0.4 s for 5400 writes). */
  readonly missedBaseMicros: number
  readonly missedWritesPerSecond: number
  /** No sign of life from a member for this long makes it suspect (evs.suspect_timeout). */
  readonly suspectMicros: number
  /** Then the others agree on its eviction within this time. */
  readonly consensusMicros: Range
  /** Share of partitions where the minority notices later than the majority, and by how much (finding 50). */
  readonly lateMinorityShare: number
  readonly lateMinorityMicros: Range
  /** A donor or joiner that is cut off while rows are sent notices this much later (findings 50 and 59). */
  readonly transferLateMicros: number
  /** A broken connection that is mended earlier than this evicts nobody (finding 55). */
  readonly harmlessBreakMicros: number
  /** After a break, packets are sent again at these times after its beginning (TCP). */
  readonly resendAtMicros: ReadonlyArray<number>
  /** Stall when one link of several is cut and writes are relayed (finding 56). */
  readonly relayMicros: Range
  /** From the end of a partition until the halves are one again: eviction long past, eviction recent (finding 52). */
  readonly mergeMicros: Range
  readonly recentMergeMicros: Range
  readonly recentEvictionMicros: number
  /** A woken process that had been evicted notices after this time (finding 10). */
  readonly wokenMicros: number
  /** Break mended while the eviction is being agreed on: share of cases where nobody is primary, since when and for how long (finding 54). */
  readonly lostQuorumShare: number
  readonly lostQuorumAtMicros: number
  readonly lostQuorumMicros: Range
  /** Share of the writes blocked then that are acknowledged at its beginning; the others are refused (finding 44: one of six). */
  readonly lastAcknowledgedShare: number
  /** Share of the writes blocked on the side that keeps the quorum that is refused all the same (finding 53). */
  readonly majorityRefusalShare: number
  /** Share of the writes refused on the other side that is stored after all if the halves meet soon (finding 44: 2 of 47). */
  readonly refusedButStoredShare: number
  readonly refusedButStoredWithinMicros: number
  /** From rejoining until a node that lacks a table of the cluster ends destroyed, and how long its donor sends (finding 48). */
  readonly destroyedMicros: Range
  /** A cluster statement to a member whose process is dead, or that packets do not reach (findings 30, 60). */
  readonly deadPeerMicros: number
  readonly unreachablePeerMicros: number
  /** The same for a member that is still in the view, when links are cut (findings 56 and 60). */
  readonly unreachableMemberMicros: Range
  /** A question to other nodes at JOIN or start that gets no reply. */
  readonly askPeerMicros: number
  /** An unknown host name in JOIN. */
  readonly resolveMicros: number
  /** Reads and writes through wrappers: connect, query, and the pause before a read is tried again (findings 31 and 61). */
  readonly agentConnectMicros: number
  readonly agentQueryMicros: number
  readonly agentRetryMicros: number
  /** How long a mirror that failed must have answered pings before it is used again. */
  readonly agentAvoidMicros: number
  /** UPDATEs of one row outside of a cluster that come this close together may both find the old row, and how often they do (finding 9). */
  readonly localRaceMicros: number
  readonly localRaceShare: number
  /** When one table is added from two nodes at once: how often a third node gets nothing, and how often one crashes (finding 17). */
  readonly addRaceBlockedShare: number
  readonly addRaceCrashShare: number
  /** Entries that a member keeps for others that were away; who misses more gets a full copy. */
  readonly writesKept: number
}

/** The measured times. */
export const defaultTimings: Timings = {
  networkMicros: 60,
  statementMicros: 80,
  tableStatementMicros: ms(2),
  orderMicros: 120,
  applyMicros: { minMicros: 20, maxMicros: 200 },
  lateApplyShare: 0.02,
  lateApplyMicros: between(0.2, 1.4),
  startMicros: between(50, 120),
  coldPrimaryMicros: between(25, 70),
  rejoinMicros: between(880, 1040),
  stopMicros: between(45, 80),
  leavePairMicros: between(5000, 5520),
  leaveMicros: between(6, 25),
  slowLeaveShare: 0.2,
  slowLeaveMicros: between(500, 2000),
  leaveAloneMicros: between(4, 70),
  leaveNonPrimaryMicros: ms(1500),
  createClusterMicros: between(15, 60),
  joinPairMicros: between(1015, 1060),
  joinHalfSecondsMin: 1,
  joinHalfSecondsMax: 5,
  joinDeadMemberMicros: ms(5500),
  joinWithoutQuorumMicros: ms(30_000),
  copyBaseMicros: ms(30),
  copyBytesPerSecond: 100_000_000,
  missedBaseMicros: ms(60),
  missedWritesPerSecond: 16_000,
  suspectMicros: ms(5000),
  consensusMicros: between(450, 1480),
  lateMinorityShare: 0.2,
  lateMinorityMicros: between(500, 1000),
  transferLateMicros: ms(5900),
  harmlessBreakMicros: ms(4800),
  resendAtMicros: [ms(200), ms(600), ms(1500), ms(3400), ms(5300), ms(10_400)],
  relayMicros: between(2400, 2900),
  mergeMicros: between(500, 3200),
  recentMergeMicros: between(4200, 8000),
  recentEvictionMicros: ms(3000),
  wokenMicros: ms(6000),
  lostQuorumShare: 0.25,
  lostQuorumAtMicros: ms(10_400),
  lostQuorumMicros: between(1000, 7500),
  lastAcknowledgedShare: 0.2,
  majorityRefusalShare: 0.005,
  refusedButStoredShare: 0.04,
  refusedButStoredWithinMicros: ms(3000),
  destroyedMicros: between(1400, 1600),
  deadPeerMicros: ms(3000),
  unreachablePeerMicros: ms(11_000),
  unreachableMemberMicros: between(8500, 11_100),
  askPeerMicros: ms(1000),
  resolveMicros: ms(1200),
  agentConnectMicros: ms(1000),
  agentQueryMicros: ms(3000),
  agentRetryMicros: ms(500),
  agentAvoidMicros: ms(3000),
  localRaceMicros: 250,
  localRaceShare: 0.22,
  addRaceBlockedShare: 0.5,
  addRaceCrashShare: 0.15,
  writesKept: 100_000,
}
