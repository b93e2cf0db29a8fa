/**
 * UPDATEs of tables outside of clusters. They are not atomic against each other: two that come within a moment may both
 * find the row as it was, and both say that they changed it (finding 9).
 */
import type { Daemon } from "./Daemon.ts"
import type { Row } from "./storage/Structure.ts"
import type { WriteSet } from "./storage/write.ts"

interface Recent {
  readonly table: string
  readonly id: bigint
  readonly row: Row
  readonly connection: number
  readonly atMicros: number
}

/** Remembers the row that the latest UPDATE of one id found. */
export class LocalUpdates {
  readonly #daemon: Daemon
  #recent: Recent | undefined

  constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  /** To be called before an UPDATE is applied; may put back the row that a rival has just changed. */
  before({ table, keys }: WriteSet, connection: number): void {
    const id = keys === "whole table" || keys.length !== 1 ? undefined : keys[0]
    const stored = this.#daemon.host.disk.database.table(table)
    const row = id === undefined ? undefined : stored?.get(id)
    if (id === undefined || row === undefined) return
    const { queue, random, timings } = this.#daemon.context
    const recent = this.#recent
    const isRival =
      recent !== undefined &&
      recent.id === id &&
      recent.table === table &&
      recent.connection !== connection &&
      queue.nowMicros - recent.atMicros < timings.localRaceMicros
    if (isRival && recent.row.length === row.length && random.chance(timings.localRaceShare))
      stored?.update(id, recent.row)
    else this.#recent = { table, id, row, connection, atMicros: queue.nowMicros }
  }
}
