/**
 * A rough idea of what the nodes hold, so that most drawn statements make sense. Nothing is compared with it: where it is
 * wrong, a statement is refused that was meant to succeed, and both sides say so.
 */

/** Columns after `id`, with what is drawn for each. */
export type ColumnKind = "bigint" | "int" | "float" | "string" | "text" | "multi" | "json" | "bool"

/** A column. */
export interface Column {
  readonly name: string
  readonly kind: ColumnKind
}

/** A table on one node. */
export interface ModelTable {
  readonly name: string
  columns: ReadonlyArray<Column>
  cluster: string | undefined
  /** Made of other tables; holds no rows itself. */
  readonly isWrapper: boolean
}

/** What a node is doing. */
export type NodeState = "up" | "down" | "paused"

/** A replication cluster. */
export interface ModelCluster {
  readonly name: string
  readonly path: string
  readonly members: Set<number>
  /** Members that know it and are not part of it at present. */
  readonly away: Set<number>
}

/** The nodes of a sequence. */
export class Model {
  readonly nodes: ReadonlyArray<number>
  readonly state = new Map<number, NodeState>()
  readonly tables = new Map<number, Map<string, ModelTable>>()
  readonly clusters = new Map<string, ModelCluster>()

  constructor(nodes: number) {
    this.nodes = Array.from({ length: nodes }, (_, index) => index + 1)
    for (const node of this.nodes) {
      this.state.set(node, "up")
      this.tables.set(node, new Map())
    }
  }

  up(): ReadonlyArray<number> {
    return this.nodes.filter((node) => this.state.get(node) === "up")
  }

  on(node: number): ReadonlyArray<ModelTable> {
    return [...(this.tables.get(node)?.values() ?? [])]
  }

  clustersOf(node: number): ReadonlyArray<ModelCluster> {
    return [...this.clusters.values()].filter(({ members }) => members.has(node))
  }

  /** Clusters that the node could join, with a member to ask. */
  joinable(node: number): ReadonlyArray<readonly [ModelCluster, number]> {
    return [...this.clusters.values()].flatMap((cluster) => {
      const member = [...cluster.members].find((other) => this.state.get(other) === "up")
      return cluster.members.has(node) || cluster.away.has(node) || member === undefined
        ? []
        : [[cluster, member] as const]
    })
  }

  put(node: number, table: ModelTable): void {
    this.tables.get(node)?.set(table.name, { ...table })
  }

  drop(node: number, table: string): void {
    this.tables.get(node)?.delete(table)
  }

  /** The members get the tables that the cluster has on `from`. */
  copy(cluster: ModelCluster, from: number, names: (table: ModelTable) => boolean): void {
    for (const table of this.on(from).filter(names)) {
      table.cluster = cluster.name
      for (const member of cluster.members) this.put(member, table)
    }
  }

  /** The table is an ordinary one again where the members hold it. */
  release(nodes: Iterable<number>, cluster: string, name?: string): void {
    for (const node of nodes) {
      for (const table of this.on(node)) {
        if (table.cluster === cluster && (name === undefined || table.name === name)) table.cluster = undefined
      }
    }
  }
}
