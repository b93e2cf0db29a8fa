/** Records of operations and their steps for tests, which name only what they are about. */
import type { Operation, StepRow } from "../src/State.ts"

/** A rebalance that runs and has nothing of its own. */
export const operationWith = (changes: Partial<Operation> = {}): Operation => ({
  id: "1_1",
  kind: "rebalance",
  table: null,
  status: "running",
  term: 1,
  stop: null,
  undoing: false,
  undoFrom: null,
  steps: 0,
  tables: [],
  groups: [],
  request: null,
  reason: "",
  digest: "",
  history: [],
  error: null,
  left: [],
  ...changes,
})

/** The first step of it, which nobody has begun: a JOIN. */
export const stepWith = (changes: Partial<StepRow> = {}): StepRow => ({
  operation: "1_1",
  index: 0,
  node: "n1:9312",
  step: { _tag: "JoinGroup", group: "g" },
  dependsOn: [],
  status: "pending",
  tries: 0,
  claimedBy: null,
  undoes: null,
  error: null,
  ...changes,
})
