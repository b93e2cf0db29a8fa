/** The way between the timeline as it is written and as the simulator carries it out. */
import * as Duration from "effect/Duration"
import { conditionFrom, conditionTo, sightingFrom, sightingTo } from "./ConditionCodec.ts"
import { defaults, duration, durationOr, spanFrom, tableFrom, tableTo, unless, unlessTime } from "./CodecParts.ts"
import { courseFrom, courseTo, faultFrom, faultTo } from "./FaultCodec.ts"
import { durationText } from "./ScalarSchemas.ts"
import type { Act, SqlAnswer, SqlExpectation, StreamSpec, TimelineEntry, Trigger } from "./Scenario.ts"
import type { EntrySource } from "./TimelineSource.ts"

type SqlExpectationSource = NonNullable<Extract<EntrySource, { readonly sql: unknown }>["sql"]["expect"]>
type StreamSource = Extract<EntrySource, { readonly stream: unknown }>["stream"]
type ActSource = EntrySource

const answerOf = (word: "ok" | "error" | "no-answer" | "disconnected"): SqlAnswer => {
  switch (word) {
    case "ok":
      return { _tag: "Ok" }
    case "error":
      return { _tag: "Error", containing: null, message: null, errno: null }
    case "no-answer":
      return { _tag: "NoAnswer" }
    case "disconnected":
      return { _tag: "Disconnected" }
  }
}

const sqlAnswerFrom = (source: Exclude<SqlExpectationSource, string>): SqlAnswer | null => {
  if ("answer" in source) return answerOf(source.answer)
  if ("error" in source) {
    return { _tag: "Error", containing: source.error, message: null, errno: source.errno ?? null }
  }
  if ("message" in source) {
    return { _tag: "Error", containing: null, message: source.message, errno: source.errno ?? null }
  }
  if ("affected" in source) return { _tag: "Affected", rows: source.affected }
  if (!("rows" in source)) return null
  return typeof source.rows === "number" ? { _tag: "RowCount", rows: source.rows } : { _tag: "Rows", rows: source.rows }
}

const sqlExpectationFrom = (source: SqlExpectationSource): SqlExpectation => {
  if (typeof source === "string") return { answer: answerOf(source), takes: null }
  const { takes } = source
  return {
    answer: sqlAnswerFrom(source),
    takes:
      takes === undefined ? null : { atLeast: durationOr(takes.atLeast, null), atMost: durationOr(takes.atMost, null) },
  }
}

const sqlExpectationTo = ({ answer, takes }: SqlExpectation): SqlExpectationSource => {
  const time =
    takes === null
      ? {}
      : { takes: { ...unlessTime("atLeast", takes.atLeast, null), ...unlessTime("atMost", takes.atMost, null) } }
  switch (answer?._tag) {
    case undefined:
      return time
    case "Ok":
      return takes === null ? "ok" : { answer: "ok", ...time }
    case "NoAnswer":
      return takes === null ? "no-answer" : { answer: "no-answer", ...time }
    case "Disconnected":
      return takes === null ? "disconnected" : { answer: "disconnected", ...time }
    case "Error": {
      const errno = unless("errno", answer.errno, null)
      if (answer.message !== null) return { message: answer.message, ...errno, ...time }
      if (answer.containing !== null) return { error: answer.containing, ...errno, ...time }
      return takes === null ? "error" : { answer: "error", ...time }
    }
    case "Affected":
      return { affected: answer.rows, ...time }
    case "RowCount":
    case "Rows":
      return { rows: answer.rows, ...time }
  }
}

const streamFrom = (source: StreamSource): StreamSpec => ({
  name: source.name,
  node: source.node,
  table: source.table,
  statement: source.statement,
  every: durationOr(source.every, defaults.every),
  connections: source.connections ?? defaults.connections,
  until: duration(source.until),
  from: source.from ?? defaults.firstId,
  timeout: durationOr(source.timeout, defaults.streamTimeout),
})

const streamTo = (stream: StreamSpec): StreamSource => ({
  name: stream.name,
  node: stream.node,
  table: stream.table,
  statement: stream.statement,
  ...unlessTime("every", stream.every, defaults.every),
  ...unless("connections", stream.connections, defaults.connections),
  until: durationText(stream.until),
  ...unless("from", stream.from, defaults.firstId),
  ...unlessTime("timeout", stream.timeout, defaults.streamTimeout),
})

const actFrom = (source: EntrySource): Act => {
  if ("create" in source) return { _tag: "Create", table: tableFrom(source.create) }
  if ("drop" in source) return { _tag: "Drop", table: source.drop }
  if ("addNode" in source) return { _tag: "AddNode", node: source.addNode }
  if ("rebalance" in source) return { _tag: "Rebalance", table: source.rebalance === "all" ? null : source.rebalance }
  if ("ask" in source) {
    const { wish, of, reason, approval, dryRun, answer } = source.ask
    return {
      _tag: "Ask",
      wish,
      of,
      reason: reason ?? "",
      approval: approval ?? false,
      dryRun: dryRun ?? false,
      answer: answer === undefined ? null : { is: answer.is ?? null, containing: answer.containing ?? null },
    }
  }
  if ("drain" in source) return { _tag: "Drain", node: source.drain }
  if ("undrain" in source) return { _tag: "Undrain", node: source.undrain }
  if ("control" in source) return { _tag: "Control", ask: source.control.ask, table: source.control.table ?? null }
  if ("setRf" in source) {
    const { approval, rf, tables } = source.setRf
    const named = typeof tables === "string" ? [tables] : tables
    return { _tag: "SetRf", tables: named, rf, approval: approval ?? false }
  }
  if ("split" in source) return { _tag: "Split", ...source.split }
  if ("adopt" in source) return { _tag: "Adopt", tables: source.adopt }
  if ("maintain" in source) return { _tag: "Maintain", node: source.maintain }
  if ("forget" in source) return { _tag: "Forget", node: source.forget }
  if ("recover" in source) return { _tag: "Recover", node: source.recover }
  if ("promote" in source) return { _tag: "Promote", ...source.promote }
  if ("reunite" in source) return { _tag: "Reunite", ...source.reunite }
  if ("replace" in source) return { _tag: "Replace", ...source.replace }
  if ("check" in source) return { _tag: "Check", condition: conditionFrom(source.check) }
  if ("mkdir" in source) return { _tag: "Mkdir", ...source.mkdir }
  if ("fill" in source) {
    const { node, table, from, to, batch } = source.fill
    return { _tag: "Fill", node, table, from: from ?? defaults.firstId, to, batch: batch ?? defaults.batch }
  }
  if ("stream" in source) return { _tag: "Stream", stream: streamFrom(source.stream) }
  if ("sql" in source) {
    const { node, statement, timeout, expect } = source.sql
    return {
      _tag: "Sql",
      node,
      connection: source.sql.as ?? null,
      statements: typeof statement === "string" ? [statement] : statement,
      timeout: durationOr(timeout, defaults.sqlTimeout),
      expect: expect === undefined ? null : sqlExpectationFrom(expect),
    }
  }
  return faultFrom(source)
}

const actTo = (act: Act): ActSource => {
  switch (act._tag) {
    case "Create":
      return { create: tableTo(act.table) }
    case "Drop":
      return { drop: act.table }
    case "AddNode":
      return { addNode: act.node }
    case "Rebalance":
      return { rebalance: act.table ?? "all" }
    case "Drain":
      return { drain: act.node }
    case "Undrain":
      return { undrain: act.node }
    case "Control":
      return { control: { ask: act.ask, ...unless("table", act.table, null) } }
    case "SetRf": {
      const [first, ...others] = act.tables
      const tables = first !== undefined && others.length === 0 ? first : act.tables
      return { setRf: { tables, rf: act.rf, ...unless("approval", act.approval, false) } }
    }
    case "Split":
      return { split: { table: act.table, shard: act.shard } }
    case "Adopt":
      return { adopt: act.tables }
    case "Maintain":
      return { maintain: act.node }
    case "Forget":
      return { forget: act.node }
    case "Recover":
      return { recover: act.node }
    case "Promote":
      return { promote: { node: act.node, group: act.group } }
    case "Reunite":
      return { reunite: { node: act.node, group: act.group } }
    case "Replace":
      return { replace: { node: act.node, by: act.by } }
    case "Ask":
      return {
        ask: {
          wish: act.wish,
          of: act.of,
          ...unless("reason", act.reason, ""),
          ...unless("approval", act.approval, false),
          ...unless("dryRun", act.dryRun, false),
          ...(act.answer === null
            ? {}
            : {
                answer: { ...unless("is", act.answer.is, null), ...unless("containing", act.answer.containing, null) },
              }),
        },
      }
    case "Mkdir":
      return { mkdir: { node: act.node, directory: act.directory } }
    case "Fill":
      return {
        fill: {
          node: act.node,
          table: act.table,
          ...unless("from", act.from, defaults.firstId),
          to: act.to,
          ...unless("batch", act.batch, defaults.batch),
        },
      }
    case "Stream":
      return { stream: streamTo(act.stream) }
    case "Sql": {
      const [first, ...others] = act.statements
      return {
        sql: {
          node: act.node,
          statement: first !== undefined && others.length === 0 ? first : act.statements,
          ...unless("as", act.connection, null),
          ...unlessTime("timeout", act.timeout, defaults.sqlTimeout),
          ...(act.expect === null ? {} : { expect: sqlExpectationTo(act.expect) }),
        },
      }
    }
    case "Check":
      return { check: conditionTo(act.condition) }
    default:
      return faultTo(act)
  }
}

const whenFrom = ({ at, between, after }: EntrySource): Trigger => {
  if (between !== undefined) return { _tag: "Between", span: spanFrom(between) }
  return after === undefined
    ? { _tag: "At", at: durationOr(at, Duration.zero) }
    : {
        _tag: "After",
        sighting: sightingFrom(after),
        count: after.count ?? 1,
        plus: durationOr(after.plus, Duration.zero),
        ...(after.atLatest === undefined ? {} : { atLatest: duration(after.atLatest) }),
      }
}

const whenTo = (when: Trigger) => {
  switch (when._tag) {
    case "At":
      return { at: durationText(when.at) }
    case "Between":
      return { between: [durationText(when.span.min), durationText(when.span.max)] }
    case "After":
      return {
        after: {
          ...sightingTo(when.sighting),
          ...unlessTime("plus", when.plus, Duration.zero),
          ...unless("count", when.count, 1),
          ...(when.atLatest === undefined ? {} : { atLatest: durationText(when.atLatest) }),
        },
      }
  }
}

/** Acts that are no faults leave nothing to chance. */
const chancesOf = (source: EntrySource) =>
  "probability" in source || "every" in source || "for" in source ? courseFrom(source) : null

export const entryFrom = (source: EntrySource): TimelineEntry => {
  const act = actFrom(source)
  return { when: whenFrom(source), act, course: chancesOf(source) }
}

export const entryTo = ({ when, act, course }: TimelineEntry): EntrySource => ({
  ...whenTo(when),
  ...(course === null ? {} : courseTo(course)),
  ...actTo(act),
})
