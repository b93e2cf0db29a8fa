/** Protects what runners tell each other: a report arrives as it was, nobody without the token gets one, and silence is an answer. */
import { describe, expect, it } from "@effect/vitest"
import type { NodeReport } from "@shardwright/core/gate/Peers"
import * as Effect from "effect/Effect"
import { httpPeers, listenForPeers, runnerAddress } from "../src/HttpPeers.ts"

const report: NodeReport = {
  clusters: new Map([["c", { is: "serving", copy: { history: "h", seqno: null } }]]),
  epoch: 3,
  registered: ["n1:9312"],
  view: ["n1:9312", "n2:9312"],
}

const listen = (token: string | undefined, told: NodeReport | undefined = report) =>
  listenForPeers({
    host: "127.0.0.1",
    port: 0,
    token,
    report: () => Promise.resolve(told),
    health: () => ({ ready: false, state: "waiting" }),
  })

const ask = (port: number, token: string | undefined) =>
  httpPeers({ known: new Map([["n1:9312", `127.0.0.1:${port}`]]), token }).report("n1:9312")

describe("reports", () => {
  it.live("arrive as they were", () =>
    Effect.gen(function* () {
      expect(yield* ask(yield* listen(undefined), undefined)).toEqual(report)
      expect(yield* ask(yield* listen("swordfish"), "swordfish")).toEqual(report)
    }).pipe(Effect.scoped),
  )

  it.live("are for those who know the token", () =>
    Effect.gen(function* () {
      const port = yield* listen("swordfish")
      expect(yield* ask(port, "sword")).toBeUndefined()
      expect(yield* ask(port, undefined)).toBeUndefined()
    }).pipe(Effect.scoped),
  )

  it.live("of a daemon that does not tell, or of a runner that is not there, are none", () =>
    Effect.gen(function* () {
      const port = yield* listenForPeers({
        host: "127.0.0.1",
        port: 0,
        token: undefined,
        report: () => Promise.resolve(undefined),
        health: () => ({ ready: true, state: "acting" }),
      })
      expect(yield* ask(port, undefined)).toBeUndefined()
      expect(yield* ask(1, undefined)).toBeUndefined()
    }).pipe(Effect.scoped),
  )

  it.live("need an address that nobody else has, and say which setting it is", () =>
    Effect.gen(function* () {
      const port = yield* listen(undefined)
      const error = yield* Effect.flip(
        listenForPeers({
          host: "127.0.0.1",
          port,
          token: undefined,
          report: () => Promise.resolve(report),
          health: () => ({ ready: true, state: "acting" }),
        }),
      )
      expect(error.message).toContain(`listen: 127.0.0.1:${port} cannot be had`)
    }).pipe(Effect.scoped),
  )

  it("go to the node's host, beside its own port", () => {
    expect(runnerAddress("10.0.0.1:9312")).toBe("10.0.0.1:19312")
  })
})

describe("health", () => {
  it.live("says how the agent is; ready is a status", () =>
    Effect.gen(function* () {
      const port = yield* listen("swordfish")
      const get = (where: string, init: RequestInit = {}) =>
        Effect.promise(async () => {
          const response = await fetch(`http://127.0.0.1:${port}${where}`, init)
          return [response.status, await response.json()] as const
        })
      expect(yield* get("/health")).toEqual([200, { ready: false, state: "waiting" }])
      expect((yield* get("/ready"))[0]).toBe(503)
      expect((yield* get("/nope"))[0]).toBe(404)
      expect((yield* get("/health", { method: "POST" }))[0]).toBe(405)
    }).pipe(Effect.scoped),
  )
})
