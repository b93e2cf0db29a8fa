/**
 * Requests between daemons over their binary ports: cluster statements and wrappers use them. A request succeeds, or
 * fails because the process is dead (`refused`), the packets do not arrive (`unreachable`), or the process ended while
 * it was at it (`lost`). A paused process takes its time until it is woken.
 */
import type { Daemon } from "./Daemon.ts"
import type { Member } from "./group/Member.ts"
import type { WorldContext } from "./WorldContext.ts"

/** Why a request failed. The caller decides how long finding out takes. */
export type PeerFailure = "refused" | "unreachable" | "lost"

/** A request that a daemon works on. */
export interface PeerCall {
  readonly from: Daemon
  readonly to: Daemon
  /** Sends the reply; does nothing if the request has failed meanwhile. */
  reply(run: () => void): void
  fail(why: PeerFailure): void
}

class Call implements PeerCall {
  readonly from: Daemon
  readonly to: Daemon
  readonly #context: WorldContext
  readonly #failed: (why: PeerFailure) => void
  #settled = false

  constructor(context: WorldContext, from: Daemon, to: Daemon, failed: (why: PeerFailure) => void) {
    this.#context = context
    this.from = from
    this.to = to
    this.#failed = failed
    to.calls.add(this)
  }

  reply(run: () => void): void {
    if (this.#settled) return
    this.#settled = true
    this.to.calls.delete(this)
    this.#context.send(this.to.name, this.from.name, () => {
      if (this.from.exists()) this.from.whenRunning(run)
    })
  }

  fail(why: PeerFailure): void {
    if (this.#settled) return
    this.#settled = true
    this.to.calls.delete(this)
    if (this.from.exists()) this.#failed(why)
  }
}

/** Sends a request to the daemon at an address. */
export const ask = (
  context: WorldContext,
  from: Daemon,
  address: string,
  work: (peer: Daemon, call: PeerCall) => void,
  failed: (why: PeerFailure) => void,
): void => {
  const host = context.hostAt(address)
  const reachable = host !== undefined && context.network.connects(from.name, host.name)
  const delayMicros = host === undefined ? 0 : context.network.delayMicros(from.name, host.name)
  context.queue.after(context.timings.networkMicros + delayMicros, () => {
    if (!from.exists()) return
    if (host !== undefined && !reachable) {
      failed("unreachable")
      return
    }
    const peer = host?.daemon
    if (peer === undefined || !peer.accepting) {
      failed("refused")
      return
    }
    const call = new Call(context, from, peer, failed)
    peer.whenRunning(() => work(peer, call))
  })
}

/** Asks several daemons at once and goes on when each has answered or failed. */
export const askAll = (
  context: WorldContext,
  from: Daemon,
  addresses: ReadonlyArray<string>,
  work: (peer: Daemon, call: PeerCall) => void,
  each: (address: string, why: PeerFailure, settle: () => void) => void,
  done: () => void,
): void => {
  let left = addresses.length
  const settle = (): void => {
    left--
    if (left === 0) done()
  }
  if (left === 0) {
    done()
    return
  }
  for (const address of addresses) {
    ask(
      context,
      from,
      address,
      (peer, call) =>
        work(peer, {
          from: call.from,
          to: call.to,
          reply: (run) =>
            call.reply(() => {
              run()
              settle()
            }),
          fail: (why) => call.fail(why),
        }),
      (why) => each(address, why, settle),
    )
  }
}

/**
 * Asks several daemons for their member of a cluster, as a daemon does that starts or joins: who is not reached, or is stalled,
 * is waited for no longer than `askPeerMicros`. Answers come in the order in which they arrived.
 */
export const askForMembers = (
  context: WorldContext,
  from: Daemon,
  addresses: ReadonlyArray<string>,
  cluster: string,
  done: (answers: ReadonlyArray<Member>) => void,
): void => {
  const answers: Array<Member> = []
  let left = addresses.length
  if (left === 0) done(answers)
  for (const address of addresses) {
    let isSettled = false
    const settle = (found?: Member): void => {
      if (isSettled || !from.exists()) return
      isSettled = true
      if (found !== undefined) answers.push(found)
      left--
      if (left === 0) done(answers)
    }
    context.queue.after(context.timings.askPeerMicros, () => {
      if (from.exists()) from.whenRunning(settle)
    })
    ask(
      context,
      from,
      address,
      (peer, call) => {
        const found = peer.members.get(cluster)
        call.reply(() => settle(found))
      },
      (why) => {
        if (why !== "unreachable") settle()
      },
    )
  }
}
