/** What `GET /api/v1/overview` answers, as far as the page uses it. */
export interface Member {
  readonly node: string
  readonly inSync: boolean
  readonly present: boolean
  readonly status: string | null
  readonly nodeState: string | null
  readonly transfer: string | null
}

export interface Group {
  readonly name: string
  readonly status: string
  readonly rf: number
  readonly members: ReadonlyArray<Member>
  readonly leaving: ReadonlyArray<string>
  readonly exiled: ReadonlyArray<string>
  readonly shards: ReadonlyArray<{ readonly table: string; readonly shard: number; readonly physical: string }>
  readonly operation: string | null
}

export interface Step {
  readonly index: number
  readonly node: string | null
  readonly kind: string
  readonly dependsOn: ReadonlyArray<number>
  readonly status: string
  readonly undoes: number | null
  readonly waiting: { readonly code: string; readonly detail: string } | null
}

export interface Operation {
  readonly id: string
  readonly kind: string
  readonly table: string | null
  readonly status: string
  readonly undoing: boolean
  readonly reason: string
  readonly explanation: ReadonlyArray<string>
  readonly error: string | null
  readonly steps: ReadonlyArray<Step>
  readonly progress: {
    readonly steps: { readonly done: number; readonly total: number }
    readonly percentage: number
    readonly etaMs: number | null
    readonly bytes: { readonly copied: number; readonly expected: number | null }
    readonly waiting: { readonly code: string; readonly detail: string } | null
  }
}

export interface Table {
  readonly name: string
  readonly status: string
  readonly shards: number
  readonly rf: number
  readonly operation: string | null
  readonly layout: ReadonlyArray<{
    readonly shard: number
    readonly group: string | null
    readonly nodes: ReadonlyArray<string>
    readonly copies: number
  }>
}

export interface Overview {
  readonly atMs: number
  readonly status: {
    readonly cluster: string
    readonly node: string
    readonly leader: string | null
    readonly term: number
  }
  readonly nodes: ReadonlyArray<{
    readonly name: string
    readonly state: string
    readonly present: boolean
    readonly fenced: boolean
    readonly zone: string | null
    readonly replicas: number
  }>
  readonly groups: ReadonlyArray<Group>
  readonly tables: ReadonlyArray<Table>
  readonly operations: ReadonlyArray<Operation>
  readonly findings: ReadonlyArray<{
    readonly code: string
    readonly severity: "critical" | "warning" | "info"
    readonly subject: string
    readonly detail: string
    readonly recommendation: string
  }>
  readonly history: ReadonlyArray<{
    readonly id: string
    readonly kind: string
    readonly table: string | null
    readonly status: string
    readonly reason: string
    readonly atMs: number
    readonly by: string
  }>
}
