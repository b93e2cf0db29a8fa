/** A write on its way through its replication group, and what its client is told. */
import type { Answer } from "@shardwright/core/Answer"
import type { Daemon } from "./Daemon.ts"
import type { Component } from "./group/Component.ts"
import type { Member } from "./group/Member.ts"
import type { Step } from "./storage/Session.ts"

/** What the server says of a change that the group did not accept; -1 when the membership is the reason. */
export const postRollback = (seqno: number): string =>
  `error at PostRollback, code 3 (transaction aborted, server can continue), seqno ${seqno}`

/** Proposes a prepared write and turns the outcome into the client's answer. */
export const replicateWrite = (
  daemon: Daemon,
  member: Member,
  component: Component,
  step: Extract<Step, { kind: "write" }>,
  answer: (answer: Answer) => void,
): void => {
  const { writeSet } = step
  let blocked = false
  component.propose({
    origin: member,
    change: writeSet,
    touched: { table: writeSet.table, ids: writeSet.keys === "whole table" ? undefined : writeSet.keys },
    seen: member.applied,
    blocked: () => {
      if (!blocked) daemon.workerBlocked()
      blocked = true
    },
    done: (outcome) => {
      if (outcome.kind === "ordered")
        answer(outcome.applied === undefined ? step.refuse(postRollback(-1)) : step.finish(outcome.applied))
      else answer(step.refuse(postRollback(outcome.kind === "conflict" ? outcome.seqno : -1)))
      if (blocked) daemon.workerFreed()
    },
  })
}
