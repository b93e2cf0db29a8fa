/**
 * What a running operation may wait for. `waiting` is no status: an operation that waits goes on by itself as soon as
 * its reason is gone. The list is closed; docs/OPERATIONS.md says of each code what it means and what helps.
 */
import * as Schema from "effect/Schema"

/** Every reason for which a step is tried again later. */
export const WaitCode = Schema.Literals([
  // Who is there.
  "node-away",
  "daemon-silent",
  "runner-dead",
  "store-unavailable",
  // Groups.
  "group-absent",
  "no-primary",
  "member-missing",
  "member-joining",
  "membership-changed",
  "no-donor",
  "promotion-unsafe",
  "split-brain",
  // Copies.
  "table-taken",
  "table-missing",
  "table-attached",
  "leftover-dropped",
  "copy-differs",
  "copy-changed",
  "not-in-sync",
  "in-sync-stale",
  "redundancy-short",
  // Wrappers and layout.
  "wrapper-unconfirmed",
  "wrapper-lists-node",
  "layout-behind",
  // The server.
  "cluster-blocked",
  "resource-short",
  "state-conflict",
  "no-effect",
  "directory-failed",
  "restart-needed",
  "daemon-restarting",
  // The engine.
  "not-begun",
  "not-permitted",
  "leader-changed",
  "paused",
])
export type WaitCode = typeof WaitCode.Type

/** Why something cannot be done now: a code for programs, and a sentence that names what was found. */
export interface Wait {
  readonly code: WaitCode
  readonly detail: string
}

/** Builds one. */
export const wait = (code: WaitCode, detail: string): Wait => ({ code, detail })
