/**
 * Statements on wrapper tables (`type='shard'`, `type='distributed'`): each shard is asked where it is, and the
 * answers become one. Reads can be partial and say so only in a warning; writes can be applied on some shards only
 * (findings 11, 31 and 61).
 */
import { type Answer, ok } from "@shardwright/core/Answer"
import { ask } from "./Peers.ts"
import { ServerSession, type Deliver } from "./ServerSession.ts"
import { type Delete, failure, type Insert, type Select, type SqlFailure, type Update } from "./sql/Statement.ts"
import { asksForIdsOnly, idsOf } from "./storage/filter.ts"
import { shardOf } from "./storage/routing.ts"
import { answerWrapperSelect, selectOnShard, toAnswer } from "./storage/Session.ts"
import { type PartialResult, Question } from "./storage/select.ts"
import {
  agentProblem,
  localWriteFailure,
  type Mirror,
  type Problem,
  remoteWriteFailure,
  reportProblems,
  splitInsert,
  tableOf,
  type Target,
  type Wrapper,
} from "./storage/Wrapper.ts"
import { placeColumns } from "./storage/write.ts"

type WriteStatement = Insert | Update | Delete

/** Executes a statement on a wrapper table. */
export const executeWrapper = (
  session: ServerSession,
  wrapper: Wrapper,
  statement: Select | WriteStatement,
  deliver: Deliver,
): void => {
  switch (statement.kind) {
    case "select":
      new WrapperSelect(session, wrapper, statement, deliver).run()
      return
    case "insert":
      insertThrough(session, wrapper, statement, deliver)
      return
    case "update":
      updateThrough(session, wrapper, statement, deliver)
      return
    case "delete":
      deleteThrough(session, wrapper, statement, deliver)
      return
  }
}

const refusedText = "receiving failure (errno=111, msg=Connection refused)"
/** A shard's daemon died at its part of a statement, which may have taken effect: as the text above, with that error. */
const lostText = "receiving failure (errno=104, msg=Connection reset by peer)"
const unreachableText = "connect and query timed out"

// --- reading --------------------------------------------------------------------------------------------------------

class WrapperSelect {
  readonly #session: ServerSession
  readonly #wrapper: Wrapper
  readonly #question: Question
  readonly #deliver: Deliver
  readonly #partials: Array<PartialResult | undefined>
  readonly #problems: Array<Problem> = []
  #left: number

  constructor(session: ServerSession, wrapper: Wrapper, select: Select, deliver: Deliver) {
    this.#session = session
    this.#wrapper = wrapper
    this.#question = new Question(select)
    this.#deliver = deliver
    this.#partials = wrapper.targets.map(() => undefined)
    this.#left = wrapper.targets.length
  }

  run(): void {
    const { database } = this.#session.daemon.host.disk
    const [first, second] = this.#wrapper.targets
    if (this.#question.select.limit < 0 && (first?.local === undefined || second !== undefined)) {
      const refusal = failure("only one local table allowed in streaming select")
      this.#deliver(toAnswer(refusal), this.#session.daemon.context.timings.statementMicros)
      return
    }
    const here = this.#wrapper.targets.map(({ local }) =>
      local === undefined ? undefined : selectOnShard(database, local, this.#question),
    )
    for (const [index, { local }] of this.#wrapper.targets.entries()) {
      const partial = here[index]
      if (local === undefined || partial?.kind !== "failure") continue
      if (database.table(local) === undefined || partial.message.startsWith("not simulated")) {
        this.#deliver(toAnswer(partial), this.#session.daemon.context.timings.statementMicros)
        return
      }
    }
    this.#wrapper.targets.forEach((target, index) => {
      const partial = here[index]
      if (target.local === undefined || partial === undefined)
        this.#askMirror(target, index, 1 + Number(target.options.get("retry_count") ?? 0))
      else this.#settleHere(target.local, index, partial)
    })
  }

  #settleHere(table: string, index: number, partial: PartialResult | SqlFailure): void {
    if (partial.kind === "failure") {
      const error = withoutTable(partial.message, table)
      this.#problems.push({ table, parent: this.#wrapper, error })
    }
    this.#settle(index, partial)
  }

  #askMirror(target: Target, index: number, tries: number): void {
    const { daemon } = this.#session
    const { queue, timings } = daemon.context
    const mirror = daemon.mirrors.choose(this.#wrapper, target)
    if (mirror === undefined) {
      this.#problem(index, target.text, "no mirrors")
      return
    }
    let over = false
    const slow = queue.after(timings.agentQueryMicros, () => {
      if (over) return
      over = true
      this.#failedTry(target, index, mirror, tries, "query timed out")
    })
    const finish = (run: () => void): void => {
      if (over) return
      over = true
      queue.cancel(slow)
      run()
    }
    ask(
      daemon.context,
      daemon,
      mirror.address,
      (peer, call) => {
        peer.catchUp()
        const partial = selectOnShard(peer.host.disk.database, mirror.table, this.#question)
        queue.after(timings.statementMicros, () =>
          call.reply(() =>
            finish(() => {
              daemon.mirrors.answered(this.#wrapper, target, mirror)
              if (partial.kind === "failure")
                this.#problem(index, mirror.address, `remote query error: ${partial.message}`)
              else this.#settle(index, partial)
            }),
          ),
        )
      },
      (why) => {
        if (why === "refused" || why === "lost")
          finish(() => this.#failedTry(target, index, mirror, tries, refusedText))
        else
          queue.after(timings.agentConnectMicros, () =>
            finish(() => this.#failedTry(target, index, mirror, tries, unreachableText)),
          )
      },
    )
  }

  #failedTry(target: Target, index: number, mirror: Mirror, tries: number, reason: string): void {
    const { daemon } = this.#session
    const retries = Number(target.options.get("retry_count") ?? 0)
    daemon.mirrors.failed(this.#wrapper, target, mirror)
    if (tries > 1)
      daemon.context.queue.after(daemon.context.timings.agentRetryMicros, () =>
        this.#askMirror(target, index, tries - 1),
      )
    else this.#problem(index, mirror.address, retries > 0 ? "retries limit exceeded" : reason)
  }

  #problem(index: number, address: string, reason: string): void {
    this.#problems.push(agentProblem(this.#wrapper, address, reason))
    this.#settle(index, undefined)
  }

  #settle(index: number, partial: PartialResult | { readonly kind: "failure" } | undefined): void {
    if (partial?.kind === "partial") this.#partials[index] = partial
    this.#left--
    if (this.#left > 0) return
    const { targets } = this.#wrapper
    // Of a document that two shards hold, the one of this node is shown.
    const isHere = (index: number): boolean => targets[index]?.local !== undefined
    const inOrder = targets.map((_, index) => index).sort((a, b) => Number(isHere(b)) - Number(isHere(a)) || a - b)
    const partials = inOrder.map((index) => this.#partials[index]).filter((found) => found !== undefined)
    const merges = targets.length > 1 || targets.some((target) => target.local === undefined)
    const answer = answerWrapperSelect(this.#session.session, this.#question.select, partials, this.#problems, merges)
    this.#deliver(answer, this.#session.daemon.context.timings.statementMicros)
  }
}

// --- writing --------------------------------------------------------------------------------------------------------

/** What one shard said to a write. */
type ShardAnswer =
  | { readonly kind: "answer"; readonly answer: Answer }
  /** The shard could not be reached. */
  | { readonly kind: "away"; readonly message: string }

const addressed = (statement: WriteStatement, table: string, cluster: string | undefined): WriteStatement => ({
  ...statement,
  target: { cluster, table },
})

/** Sends a write to one shard, over the network or here. */
const writeShard = (
  session: ServerSession,
  wrapper: Wrapper,
  target: Target,
  mirror: Mirror | undefined,
  statement: WriteStatement,
  done: (answer: ShardAnswer) => void,
): void => {
  const { daemon } = session
  const { queue, timings } = daemon.context
  if (mirror === undefined) {
    if (daemon.host.disk.isChangedShard(wrapper, tableOf(target))) {
      done({
        kind: "away",
        message: `local table '${tableOf(target)}' for shard table '${wrapper.name}' changed, reload shard table`,
      })
      return
    }
    writeHere(new ServerSession(daemon), statement, tableOf(target), (answer) => done({ kind: "answer", answer }))
    return
  }
  ask(
    daemon.context,
    daemon,
    mirror.address,
    (peer, call) => {
      writeHere(new ServerSession(peer), statement, mirror.table, (answer) =>
        call.reply(() => {
          daemon.mirrors.answered(wrapper, target, mirror)
          done({ kind: "answer", answer })
        }),
      )
    },
    (why) => {
      daemon.mirrors.failed(wrapper, target, mirror)
      if (why === "unreachable")
        queue.after(timings.agentConnectMicros, () => done({ kind: "away", message: unreachableText }))
      else done({ kind: "away", message: why === "lost" ? lostText : refusedText })
    },
  )
}

// The cluster of the table is filled in: a wrapper writes past the rule that it must be named.
const writeHere = (
  session: ServerSession,
  statement: WriteStatement,
  table: string,
  done: (answer: Answer) => void,
): void => {
  const { daemon } = session
  const cluster = daemon.host.disk.database.table(table)?.cluster
  session.run(addressed(statement, table, cluster), (answer, micros) =>
    daemon.context.queue.after(micros, () => done(answer)),
  )
}

const affected = (answer: Answer): number => (answer._tag === "Ok" ? answer.affectedRows : 0)

const withoutTable = (message: string, table: string): string =>
  message.startsWith(`table ${table}: `) ? message.slice(`table ${table}: `.length) : message

const messageOf = (answer: ShardAnswer): string | undefined => {
  if (answer.kind === "away") return answer.message
  return answer.answer._tag === "Refused" ? answer.answer.message : undefined
}

const failureOf = (
  target: Target,
  mirror: Mirror | undefined,
  answer: ShardAnswer,
  processed: ReadonlyArray<bigint>,
): Answer => {
  const message = messageOf(answer) ?? ""
  if (mirror === undefined) return toAnswer(localWriteFailure(message, processed))
  const plain = withoutTable(message, tableOf(target))
  return toAnswer(
    remoteWriteFailure(mirror, { kind: answer.kind === "away" ? "unreachable" : "refused", message: plain }, processed),
  )
}

const insertThrough = (session: ServerSession, wrapper: Wrapper, statement: Insert, deliver: Deliver): void => {
  const { daemon } = session
  const { timings } = daemon.context
  const places = wrapper.structure === undefined ? [] : placeColumns(wrapper.structure, statement)
  if ("kind" in places) {
    deliver(toAnswer(places), timings.statementMicros)
    return
  }
  const parts = splitInsert(wrapper, statement, daemon.host.disk.database.autoId)
  if ("kind" in parts) {
    deliver(toAnswer(parts), timings.statementMicros)
    return
  }
  const chosen = parts.map((part) => ({
    part,
    mirror: part.target.local === undefined ? daemon.mirrors.choose(wrapper, part.target) : undefined,
  }))
  // All connections are opened first: a dead shard refuses the statement as a whole.
  const closed = chosen.find(({ mirror }) => mirror !== undefined && !isReachable(session, mirror))
  if (closed?.mirror !== undefined) {
    const { part, mirror } = closed
    writeShard(session, wrapper, part.target, mirror, part.statement, (answer) =>
      deliver(failureOf(part.target, mirror, answer, []), 0),
    )
    return
  }
  const processed: Array<bigint> = []
  let rows = 0
  const next = (index: number): void => {
    const current = chosen[index]
    if (current === undefined) {
      deliver(ok(rows), 0)
      return
    }
    const { part, mirror } = current
    writeShard(session, wrapper, part.target, mirror, part.statement, (answer) => {
      if (answer.kind === "answer" && answer.answer._tag === "Ok") {
        processed.push(...part.ids)
        rows += affected(answer.answer)
        next(index + 1)
      } else deliver(failureOf(part.target, mirror, answer, processed), 0)
    })
  }
  next(0)
}

const isReachable = (session: ServerSession, mirror: Mirror): boolean => {
  const { context, name } = session.daemon
  const host = context.hostAt(mirror.address)
  return host?.daemon?.accepting === true && context.network.connects(name, host.name)
}

interface Shard {
  readonly target: Target
  readonly mirror: Mirror | undefined
  readonly answer: ShardAnswer
}

const writeAll = (
  session: ServerSession,
  wrapper: Wrapper,
  targets: ReadonlyArray<Target>,
  statement: WriteStatement,
  done: (shards: ReadonlyArray<Shard>) => void,
): void => {
  const shards: Array<Shard | undefined> = targets.map(() => undefined)
  let left = shards.length
  if (left === 0) done([])
  targets.forEach((target, index) => {
    const mirror = target.local === undefined ? session.daemon.mirrors.choose(wrapper, target) : undefined
    writeShard(session, wrapper, target, mirror, statement, (answer) => {
      shards[index] = { target, mirror, answer }
      left--
      if (left === 0) done(shards.filter((shard) => shard !== undefined))
    })
  })
}

const total = (shards: ReadonlyArray<Shard>): number =>
  shards.reduce((sum, { answer }) => sum + (answer.kind === "answer" ? affected(answer.answer) : 0), 0)

/** UPDATE says nothing of shards that failed, as long as one did not. */
const updateThrough = (session: ServerSession, wrapper: Wrapper, statement: Update, deliver: Deliver): void => {
  writeAll(session, wrapper, wrapper.targets, statement, (shards) => {
    if (shards.some(({ answer }) => messageOf(answer) === undefined)) {
      deliver(ok(total(shards)), 0)
      return
    }
    const { disk } = session.daemon.host
    const given = shards.map(({ target, answer }) => ({
      table: tableOf(target),
      error:
        target.local !== undefined && !disk.has(target.local)
          ? "table not available"
          : withoutTable(messageOf(answer) ?? "", tableOf(target)),
    }))
    const mute = given.map(({ table }) => ({ table, error: refusedText }))
    const dead = shards.some(({ target, mirror }) =>
      target.mirrors.some((other) => other !== mirror && !isReachable(session, other)),
    )
    deliver(toAnswer(failure(reportProblems(dead ? [...given, ...mute] : given))), 0)
  })
}

/** DELETE by id asks the shards of these ids only. It reports the first that failed, after it has deleted on the others. */
const deleteThrough = (session: ServerSession, wrapper: Wrapper, statement: Delete, deliver: Deliver): void => {
  const ids = asksForIdsOnly(statement.where) ? idsOf(statement.where) : undefined
  const orders = new Set(ids?.map((id) => shardOf(id, wrapper.targets.length)))
  const asked = wrapper.targets.filter((_, order) => ids === undefined || orders.has(order))
  writeAll(session, wrapper, asked, statement, (shards) => {
    const failed = shards.find(({ answer }) => messageOf(answer) !== undefined)
    if (failed === undefined) deliver(ok(total(shards)), 0)
    else deliver(failureOf(failed.target, failed.mirror, deleteFailure(failed), []), 0)
  })
}

/** Documents to delete are sent to a shard like documents to insert, and it words its refusal as for those. */
const deleteFailure = ({ target, answer }: Shard): ShardAnswer => {
  if (answer.kind === "away" || answer.answer._tag !== "Refused") return answer
  const table = tableOf(target)
  const { message } = answer.answer
  const worded = message.startsWith("unknown table") ? `table '${table}' absent` : withoutTable(message, table)
  return { kind: "answer", answer: { ...answer.answer, message: worded } }
}
