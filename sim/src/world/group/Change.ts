/** What members of a replication group agree on, in one order. */
import type { Applied, WriteSet } from "../storage/write.ts"
import type { Touched } from "./Certification.ts"
import type { Member } from "./Member.ts"

/** A replicated change. Copies of tables travel outside of the order, before `attach`. */
export type Change =
  | WriteSet
  | { readonly kind: "attach"; readonly tables: ReadonlyArray<string> }
  | { readonly kind: "detach"; readonly tables: ReadonlyArray<string> }

/** What became of a proposal. `refused` is the text with `seqno -1`: it may be stored all the same. */
export type Outcome =
  | { readonly kind: "ordered"; readonly seqno: number; readonly applied: Applied | undefined }
  | { readonly kind: "conflict"; readonly seqno: number }
  | { readonly kind: "refused" }

/** A change on its way to its place in the order. */
export interface Proposal {
  readonly origin: Member
  readonly change: Change
  readonly touched: Touched
  /** Last number that the origin had applied when the change was prepared. */
  readonly seen: number
  readonly done: (outcome: Outcome) => void
  /** Told once when the proposal has to wait for the membership. */
  readonly blocked: () => void
}
