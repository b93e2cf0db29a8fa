/** Protects what a collector of traces gets: a span for each step and operation, as they ended, all of an operation in one trace. */
import http from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { openTraces } from "../../src/admin/traces.ts"

interface Sent {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{
      readonly spans: ReadonlyArray<{
        readonly name: string
        readonly traceId: string
        readonly startTimeUnixNano: string
        readonly endTimeUnixNano: string
        readonly status: { readonly code: number }
        readonly events: ReadonlyArray<{ readonly name: string }>
      }>
    }>
  }>
}

describe("traces", () => {
  it.live("tell how steps and operations went on, whoever works on them", () =>
    Effect.gen(function* () {
      const sent: Array<Sent> = []
      const server = http.createServer((request, response) => {
        let body = ""
        request.on("data", (chunk: Buffer) => (body += chunk.toString()))
        request.on("end", () => {
          sent.push(JSON.parse(body) as Sent)
          response.end("{}")
        })
      })
      yield* Effect.acquireRelease(
        Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))),
        () => Effect.sync(() => server.close()),
      )
      // A server on a TCP port has such an address.
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`
      const runner = (node: string) => openTraces({ url, node, cluster: "c", interval: Duration.millis(20) })
      const one = yield* runner("n1:9312")
      const two = yield* runner("n2:9312")
      const operation = {
        kind: "operation",
        node: "n1:9312",
        operation: "1_1",
        operationKind: "create",
        term: 1,
      } as const
      const step = {
        kind: "step",
        operation: "1_1",
        stepKind: "JoinGroup",
        subject: "g",
        term: 1,
        undo: false,
      } as const
      one({ ...operation, status: "running", detail: "" })
      two({ ...step, node: "n2:9312", step: 3, status: "started", detail: "" })
      two({ ...step, node: "n2:9312", step: 3, status: "retry", detail: "no donor" })
      two({ ...step, node: "n2:9312", step: 3, status: "done", detail: "" })
      one({ ...step, node: "n1:9312", step: 4, status: "started", detail: "" })
      one({ ...step, node: "n1:9312", step: 4, status: "failed", detail: "no room" })
      one({ ...operation, status: "failed", detail: "no room" })
      // Of what began elsewhere, nothing is known here.
      one({ ...step, node: "n1:9312", step: 9, status: "done", detail: "" })
      const spans = () =>
        sent.flatMap((it) => it.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans: all }) => all)))
      while (spans().length < 3) yield* Effect.sleep(Duration.millis(10))
      yield* Effect.sleep(Duration.millis(60))
      const told = spans()
        .map(({ events, name, status }) => [
          name,
          status.code,
          events.map((event) => event.name).filter((it) => it !== "exception"),
        ])
        .toSorted((left, right) => String(left).localeCompare(String(right)))
      expect(told).toEqual([
        ["JoinGroup", 1, ["started", "retry"]],
        ["JoinGroup", 2, ["started"]],
        ["operation create", 2, ["running"]],
      ])
      expect(new Set(spans().map(({ traceId }) => traceId)).size).toBe(1)
      for (const span of spans()) expect(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano)).toBe(true)
    }).pipe(Effect.scoped),
  )
})
