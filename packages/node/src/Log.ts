/**
 * The runner's log: one event a line, with stable names. What the engine writes into its journal comes here; so do the few
 * things that the process itself has to say. Secrets are never given to it.
 */
import type { JournalEvent } from "@shardwright/core/Journal"

/** From the most to the least. */
export type Level = "debug" | "info" | "warn" | "error"
const gravity: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** A line before it is written. */
export interface LogEvent {
  readonly level: Level
  /** Stable: `step.done`, `finding.no-primary`. */
  readonly event: string
  readonly fields: Readonly<Record<string, string | number | boolean | null>>
}

/** How lines look, and where they go. */
export interface LogOptions {
  readonly format: "json" | "pretty"
  readonly level: Level
  readonly write: (line: string) => void
  readonly now: () => Date
}

/** Writes events. */
export type Log = (level: Level, event: string, fields?: LogEvent["fields"]) => void

const prettyFields = (fields: LogEvent["fields"]): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== "" && value !== null)
    .map(([name, value]) => ` ${name}=${/[\s"]/.test(String(value)) ? JSON.stringify(value) : String(value)}`)
    .join("")

/** A log. */
export const makeLog =
  ({ format, level: least, now, write }: LogOptions): Log =>
  (level, event, fields = {}) => {
    if (gravity[level] < gravity[least]) return
    const time = now().toISOString()
    write(
      format === "json"
        ? JSON.stringify({ time, level, event, ...fields })
        : `${time.slice(11, 23)} ${level.padEnd(5)} ${event}${prettyFields(fields)}`,
    )
  }

/** Findings that say what was done; all others say what is amiss. */
const harmless = /^(start-(?!waits)|finding-over|coordination-recovered)/

/** An event of the engine, as a line of the log. */
export const logEventOf = (event: JournalEvent): LogEvent => {
  switch (event.kind) {
    case "agent": {
      const { detail, event: what, node } = event
      return { level: what === "waiting" ? "warn" : "info", event: `agent.${what}`, fields: { node, detail } }
    }
    case "leader": {
      const { event: what, node, term } = event
      return { level: "info", event: `leader.${what}`, fields: { node, term } }
    }
    case "operation": {
      const { detail, node, operation, operationKind, status, term } = event
      const isBad = status === "failed" || status === "critical_failure" || status === "rolling-back"
      const fields = { node, operation, kind: operationKind, term, detail }
      return { level: isBad ? "warn" : "info", event: `operation.${status}`, fields }
    }
    case "step": {
      const { detail, node, operation, status, step, stepKind, subject, term, undo } = event
      const level = status === "failed" ? "warn" : status === "retry" || status === "started" ? "debug" : "info"
      const fields = { node, operation, step, kind: stepKind, subject, term, undo, detail }
      return { level, event: `step.${status}`, fields }
    }
    case "move": {
      const { from, group, node, replicas, rows, to } = event
      return { level: "info", event: "move", fields: { node, group, from, to, replicas, rows } }
    }
    case "wrapper": {
      const { node, table, version } = event
      return { level: "info", event: "wrapper", fields: { node, table, version } }
    }
    case "write": {
      const { event: what, key, node } = event
      return { level: "debug", event: `write.${what}`, fields: { node, key } }
    }
    case "finding": {
      const { code, detail, node } = event
      return { level: harmless.test(code) ? "info" : "warn", event: `finding.${code}`, fields: { node, detail } }
    }
  }
}
