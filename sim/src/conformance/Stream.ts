/** A client that sends one statement after another over one connection, until it is told to stop. */
import type { EventQueue } from "../runtime/EventQueue.ts"
import type { Connection } from "../world/SimulatedCluster.ts"

/** A stream that goes on. */
export interface RunningStream {
  /** Sends nothing more; the statement under way is still awaited. */
  stop(): void
  active(): boolean
}

/** Starts a stream; `{id}` in the statement counts from `from`. */
export const runStream = (
  queue: EventQueue,
  connection: Connection,
  statement: string,
  from: number,
  everyMicros: number,
  timeoutMicros: number,
): RunningStream => {
  let stopping = false
  let active = true
  const send = (id: number): void => {
    if (stopping) {
      active = false
      return
    }
    connection.query(
      statement.replaceAll("{id}", String(id)),
      () => {
        if (stopping) active = false
        else queue.after(everyMicros, () => send(id + 1))
      },
      timeoutMicros,
    )
  }
  send(from)
  return {
    stop: () => {
      stopping = true
    },
    active: () => active,
  }
}
