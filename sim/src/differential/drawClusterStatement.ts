/** Draws statements about clusters, and keeps the model of who is a member of what. */
import { say } from "./drawStatement.ts"
import type { Drawing } from "./drawSequence.ts"
import type { ModelCluster } from "./Model.ts"

/** The second cluster needs a directory of its own. */
const paths: ReadonlyArray<readonly [name: string, path: string]> = [
  ["c", ""],
  ["g", " 'g' as path"],
]

/** Draws one for the node; false if nothing fits. */
export const drawClusterStatement = (drawing: Drawing, node: number): boolean => {
  const { random, model } = drawing
  const joinable = model.joinable(node)
  const next = random.pick(joinable)
  if (model.clusters.size === 0 || (model.clusters.size === 1 && random.chance(0.12))) return create(drawing, node)
  if (next !== undefined && random.chance(0.75)) return join(drawing, node, ...next)
  const cluster = random.pick(model.clustersOf(node))
  if (cluster === undefined) return false
  const what = random.int(1, 100)
  if (what <= 52) return add(drawing, node, cluster)
  if (what <= 66) return dropFrom(drawing, node, cluster)
  if (what <= 76) return say(drawing, node, `ALTER CLUSTER ${cluster.name} UPDATE nodes`)
  if (what <= 88) return exit(drawing, node, cluster)
  if (what <= 94) return remove(drawing, node, cluster)
  return say(drawing, node, `SET CLUSTER ${cluster.name} GLOBAL 'pc.bootstrap' = 1`)
}

const create = (drawing: Drawing, node: number): boolean => {
  const free = paths.find(([name]) => !drawing.model.clusters.has(name))
  if (free === undefined) return false
  const [name, path] = free
  drawing.model.clusters.set(name, { name, path, members: new Set([node]), away: new Set() })
  return say(drawing, node, `CREATE CLUSTER ${name}${path}`)
}

const join = (drawing: Drawing, node: number, cluster: ModelCluster, at: number): boolean => {
  cluster.members.add(node)
  drawing.model.copy(cluster, at, (table) => table.cluster === cluster.name)
  say(drawing, node, `JOIN CLUSTER ${cluster.name} AT '{n${at}}'${cluster.path}`)
  // The other members learn of the new one a moment later (nodes_set).
  drawing.steps.push({ kind: "sleep", ms: 150 })
  return true
}

const add = (drawing: Drawing, node: number, cluster: ModelCluster): boolean => {
  const { random, model } = drawing
  const isHeld = (name: string): boolean =>
    [...cluster.members].some((member) => member !== node && (model.tables.get(member)?.has(name) ?? false))
  const free = model
    .on(node)
    .filter((table) => table.cluster === undefined && !table.isWrapper && (!isHeld(table.name) || random.chance(0.2)))
  const table = random.pick(free)
  if (table === undefined) return false
  model.copy(cluster, node, ({ name }) => name === table.name)
  return say(drawing, node, `ALTER CLUSTER ${cluster.name} ADD ${table.name}`)
}

const dropFrom = (drawing: Drawing, node: number, cluster: ModelCluster): boolean => {
  const { random, model } = drawing
  const table = random.pick(model.on(node).filter((table) => table.cluster === cluster.name))
  if (table === undefined) return false
  model.release(cluster.members, cluster.name, table.name)
  return say(drawing, node, `ALTER CLUSTER ${cluster.name} DROP ${table.name}`)
}

const exit = (drawing: Drawing, node: number, cluster: ModelCluster): boolean => {
  cluster.members.delete(node)
  drawing.model.release([node], cluster.name)
  if (cluster.members.size + cluster.away.size === 0) drawing.model.clusters.delete(cluster.name)
  return say(drawing, node, `EXIT CLUSTER ${cluster.name}`)
}

const remove = (drawing: Drawing, node: number, cluster: ModelCluster): boolean => {
  if (cluster.away.size > 0) return false
  drawing.model.release(cluster.members, cluster.name)
  drawing.model.clusters.delete(cluster.name)
  return say(drawing, node, `DELETE CLUSTER ${cluster.name}`)
}
