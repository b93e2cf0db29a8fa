/** Records of one group and what its members show of it, for tests of judgements. */
import type { Group, ObservedGroup } from "../src/State.ts"
import { makeView, type RawEntry, type View } from "../src/View.ts"

/** A group of three at rest. */
export const group: Group = {
  name: "g",
  rf: 3,
  status: "live",
  members: ["a", "b", "c"],
  inSync: ["a", "b", "c"],
  exiled: [],
  leaving: [],
  lastPrimary: ["a", "b", "c"],
  shards: [],
  epoch: 1,
  operation: null,
}

/** What a member in a primary view shows. */
export const primary = (viewNumber: number, ...members: ReadonlyArray<string>): ObservedGroup => ({
  status: "primary",
  nodeState: "synced",
  size: members.length,
  viewNumber,
  members,
  nodesSet: members,
  tables: ["system.g_probe"],
})

/** What a member without primary shows; `members` are those of the last view that was. */
export const orphaned = (...members: ReadonlyArray<string>): ObservedGroup => ({
  ...primary(-1, ...members),
  status: "non-primary",
  size: 1,
})

const entry = (key: string, value: unknown): RawEntry => ({ key, value, version: 1, term: 1 })

const nodes = Object.fromEntries(
  ["a", "b", "c", "d", "e"].map((node) => [node, { state: "active", zone: null, weight: 1 }]),
)

/** The records of five nodes, of which some show the group `g`, and some do not know it (undefined). */
export const showing = (
  shown: Readonly<Record<string, ObservedGroup | undefined>>,
  record: Group = group,
  records: Readonly<Record<string, unknown>> = {},
): View =>
  makeView(
    Object.entries({
      registry: { epoch: 1, nodes },
      "group/g": record,
      ...Object.fromEntries(
        Object.entries(shown).map(([node, seen]) => [
          `observation/${node}`,
          { groups: seen === undefined ? {} : { g: seen } },
        ]),
      ),
      ...records,
    }).map(([key, value]) => entry(key, value)),
  )
