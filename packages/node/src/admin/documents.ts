/** The API's documents: the records as JSON, in the words of the records. */
import { findings } from "@shardwright/core/Findings"
import type { Looked, OperatorOptions } from "@shardwright/core/Operator"
import { progressOf } from "@shardwright/core/operation/progress"
import type { Operation, StepRow } from "@shardwright/core/State"

/** What documents are made from: the records, who asks, and the wall clock. */
export interface Sight extends OperatorOptions {
  readonly looked: Looked
  readonly nowMs: number
}

export const statusDocument = ({ config, looked: { away, seen, view }, node }: Sight) => {
  const lease = view.lease?.record
  return {
    cluster: config.coordination,
    node,
    registered: Object.keys(view.registry?.record.nodes ?? {}),
    seen,
    away: [...away],
    leader: lease === undefined || lease.released ? null : lease.holder,
    term: lease?.term ?? 0,
    epoch: view.registry?.record.epoch ?? 0,
  }
}

export const nodeDocuments = ({ looked: { away, view } }: Sight) =>
  Object.entries(view.registry?.record.nodes ?? {}).map(([name, { capacity, fenced, state, weight, zone }]) => ({
    name,
    state,
    present: !away.has(name) && fenced !== true,
    fenced: fenced === true,
    zone,
    weight,
    capacity: capacity ?? null,
    gated: view.observations.get(name)?.record.gated === true,
    groups: [...view.groups.values()].flatMap(({ record }) =>
      record.status !== "dissolved" && record.members.includes(name) ? [record.name] : [],
    ),
    replicas: [...view.tables.values()]
      .flatMap(({ record }) => record.layout)
      .filter(({ nodes }) => nodes.includes(name)).length,
  }))

export const groupDocuments = ({ looked: { away, view } }: Sight) =>
  [...view.groups.values()]
    .map(({ record }) => record)
    .filter(({ status }) => status !== "dissolved")
    .map((group) => ({
      name: group.name,
      status: group.status,
      rf: group.rf,
      members: group.members.map((node) => {
        const shown = view.observations.get(node)?.record.groups[group.name]
        return {
          node,
          inSync: group.inSync.includes(node),
          present: !away.has(node),
          /** What the node last saw; null if it does not have the group. */
          status: shown?.status ?? null,
          nodeState: shown?.nodeState ?? null,
          transfer: shown?.transfer ?? null,
        }
      }),
      leaving: group.leaving,
      exiled: group.exiled,
      shards: group.shards.map(({ physical, shard, table }) => ({ table, shard, physical })),
      operation: group.operation,
    }))

export const tableDocuments = ({ looked: { away, view } }: Sight) =>
  [...view.tables.values()]
    .map(({ record }) => record)
    .filter(({ status }) => status !== "dropped")
    .map(({ layout, name, operation, options, rf, shards, status, structure }) => ({
      name,
      status,
      shards,
      rf,
      structure,
      options,
      operation,
      layout: layout.map(({ group, nodes, physical, shard }) => {
        const inSync = group === null ? nodes : (view.groups.get(group)?.record.inSync ?? [])
        return {
          shard,
          physical,
          group,
          nodes,
          copies: nodes.filter((node) => inSync.includes(node) && !away.has(node)).length,
        }
      }),
    }))

const stepDocument = ({ dependsOn, error, index, node, status, step, tries, undoes, waiting }: StepRow) => ({
  index,
  node,
  kind: step._tag,
  step,
  dependsOn,
  status,
  tries,
  undoes,
  error,
  waiting: waiting ?? null,
})

/** An operation; `steps` are there as long as they are in the listing. */
export const operationDocument = ({ looked: { away, view }, nowMs }: Sight, operation: Operation) => ({
  id: operation.id,
  kind: operation.kind,
  table: operation.table,
  tables: operation.tables,
  groups: operation.groups,
  status: operation.status,
  undoing: operation.undoing,
  request: operation.request,
  reason: operation.reason,
  explanation: operation.explanation ?? [],
  cost: operation.cost ?? null,
  error: operation.error,
  left: operation.left,
  history: operation.history,
  progress: progressOf(view, operation, nowMs, away),
  steps: (view.steps.get(operation.id) ?? []).map(({ record }) => stepDocument(record)),
})

export const operationDocuments = (sight: Sight) =>
  [...sight.looked.view.operations.values()].map(({ record }) => operationDocument(sight, record))

export const findingDocuments = ({ config, looked: { away, isCurrent, seen, view } }: Sight) =>
  findings(view, { presence: { away, lost: new Set() }, config, coordination: seen, isCurrent })

/** The operations that ended last, the latest first; what they did in detail is in `operations/ID`. */
export const historyDocuments = ({ looked: { view } }: Sight) => view.finished?.record.operations.toReversed() ?? []

/** Everything at one moment, for the dashboard. */
export const overviewDocument = (sight: Sight) => ({
  atMs: sight.nowMs,
  status: statusDocument(sight),
  nodes: nodeDocuments(sight),
  groups: groupDocuments(sight),
  tables: tableDocuments(sight),
  operations: operationDocuments(sight),
  findings: findingDocuments(sight),
  history: historyDocuments(sight),
})
