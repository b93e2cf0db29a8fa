/**
 * Protects what operators and their tools see and do over HTTP: the API says what the records say, only the token changes anything, metrics
 * can be scraped, and the dashboard shows a cluster as it lives, without a word from elsewhere.
 */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { Manticore } from "@shardwright/core/Manticore"
import * as Operator from "@shardwright/core/Operator"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import { listenForAdmin } from "@shardwright/node/admin/AdminServer"
import { Metrics } from "@shardwright/node/admin/Metrics"
import type { Served } from "@shardwright/sim/serve/Serve"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Browser } from "../../sim/test/report/Chromium.ts"
import { begin, control, engine, serveThree } from "./Runners.ts"

let served: Served
beforeEach(async () => {
  served = await serveThree()
})
afterEach(() => served.close())

const operator = { node: "n1:9312", config: engine }

/** Admin HTTP of the first node, whose cluster exists. */
const openAdmin = Effect.fnUntraced(function* (token: string | undefined = "swordfish") {
  const endpointOf = (address: string) =>
    Effect.sync(() => {
      const found = served.nodes.find((node) => node.address === address)
      return found === undefined ? undefined : { host: found.host, port: found.port }
    })
  const metrics = new Metrics()
  const manticore = metrics.measured(yield* MysqlManticore.make({ endpointOf }))
  const port = yield* listenForAdmin({
    ...operator,
    ...{ host: "127.0.0.1", port: 0, token, metrics },
    health: () => ({ ready: true, state: "acting" }),
    run: (effect) => Effect.runPromise(Effect.provideService(effect, Manticore, manticore)),
    failed: (error) => {
      throw error
    },
  })
  yield* Effect.gen(function* () {
    yield* Operator.initCluster(operator)
    for (const node of ["n2:9312", "n3:9312"]) yield* Operator.joinCluster({ ...operator, node, at: "n1:9312" })
  }).pipe(Effect.provideService(Manticore, manticore))
  return { metrics, url: `http://127.0.0.1:${port}` }
})

const get = (url: string, headers: Record<string, string> = {}) => Effect.promise(() => fetch(url, { headers }))
const document = (url: string) => Effect.promise(async (): Promise<unknown> => (await fetch(url)).json())

/** Asks for something; answers the status and the document. */
const post = (url: string, body: unknown, headers: Record<string, string> = { authorization: "Bearer swordfish" }) =>
  Effect.promise(async (): Promise<readonly [number, unknown]> => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    })
    return [response.status, await response.json()]
  })

const createTable = {
  wish: { _tag: "CreateTable", table: "t", structure: "v bigint", options: {}, shards: 2, rf: 2 },
  reason: "the first one",
  by: "ann",
  waitSeconds: 20,
}

describe("the API", () => {
  it.live(
    "says what the records say, and takes requests from who shows the token",
    () =>
      Effect.gen(function* () {
        const { metrics, url } = yield* openAdmin()
        for (const node of ["n1", "n2", "n3"]) yield* begin(served, node, [])
        const requests = `${url}/api/v1/requests`

        expect(yield* post(requests, { ...createTable, dryRun: true })).toMatchObject([
          200,
          { result: "plan", kind: "create", cost: { steps: expect.any(Number) } },
        ])
        expect(yield* post(requests, createTable)).toMatchObject([
          200,
          { status: "done", operation: expect.any(String) },
        ])
        yield* Effect.sleep(Duration.millis(10))
        expect(yield* document(`${url}/api/v1/tables`)).toMatchObject({
          tables: [
            {
              name: "t",
              status: "ready",
              rf: 2,
              layout: [
                { shard: 0, copies: 2 },
                { shard: 1, copies: 2 },
              ],
            },
          ],
        })
        expect(yield* document(`${url}/api/v1/status`)).toMatchObject({ cluster: "c", node: "n1:9312", away: [] })
        expect(yield* document(`${url}/api/v1/nodes`)).toMatchObject({
          nodes: [{ name: "n1:9312", state: "active", present: true }, {}, {}],
        })
        const { operations } = (yield* document(`${url}/api/v1/history`)) as {
          operations: ReadonlyArray<{ id: string }>
        }
        const created = yield* document(`${url}/api/v1/operations/${operations.at(-1)?.id}`)
        expect(created).toMatchObject({
          kind: "create",
          status: "completed",
          history: [{ by: "ann", why: "the first one" }, {}, {}],
        })

        expect(yield* post(requests, createTable)).toMatchObject([
          200,
          { status: "refused", answer: "table 't' exists already (ready)" },
        ])

        metrics.journal({ kind: "wrapper", node: "n1:9312", table: "t", version: 1 })
        metrics.journal({ kind: "move", node: "n1:9312", group: "g", from: null, to: "n2:9312", replicas: 2, rows: 70 })
        metrics.endpoint("foreign", 3)
        const scraped = yield* Effect.promise(async () => (await fetch(`${url}/metrics`)).text())
        for (const line of scraped.split("\n"))
          expect(line).toMatch(/^(|# (HELP|TYPE) .+|[a-z_]+(\{.+\})? [\d.e+-]+|[a-z_]+\{.*le="\+Inf".*\} \d+)$/)
        for (const sample of [
          'shardwright_nodes{state="active",presence="present"} 3',
          'shardwright_tables{status="ready"} 1',
          'shardwright_groups{status="live",state="whole"} 2',
          "shardwright_moved_rows_total 70",
          'shardwright_sql_endpoint_total{result="foreign"} 1',
          "shardwright_ready 1",
        ])
          expect(scraped.split("\n")).toContain(sample)
        expect(scraped).toMatch(/shardwright_sql_seconds_bucket\{le="0.05"\} \d+/)
        expect(scraped).toMatch(/shardwright_term [1-9]/)
      }).pipe(Effect.scoped),
    60_000,
  )

  it.live("refuses whoever may not, and whatever it cannot read", () =>
    Effect.gen(function* () {
      const { url } = yield* openAdmin()
      const requests = `${url}/api/v1/requests`
      const statusOf = (answer: readonly [number, unknown]) => answer[0]
      expect(statusOf(yield* post(requests, createTable, {}))).toBe(401)
      expect(statusOf(yield* post(requests, createTable, { authorization: "Bearer sword" }))).toBe(401)
      expect(statusOf(yield* post(requests, "{"))).toBe(400)
      expect(yield* post(requests, { wish: { _tag: "Explode" } })).toMatchObject([400, { error: { status: 400 } }])
      expect(yield* post(requests, { wish: { ...createTable.wish, structure: "v int) x" } })).toMatchObject([
        400,
        { error: { message: expect.stringContaining("which no column needs") } },
      ])
      expect(statusOf(yield* post(requests, `"${"x".repeat(1_000_001)}"`))).toBe(413)
      expect(statusOf(yield* post(`${url}/api/v1/constructor`, {}))).toBe(404)
      for (const path of ["constructor", "__proto__", "nodes/1/2", "operations/%00", "requests/7"])
        expect((yield* get(`${url}/api/v1/${path}`)).status).toBe(404)
      expect((yield* get(`${url}/api/v1/nodes`, { "sec-fetch-site": "cross-site" })).status).toBe(403)
      expect((yield* get(`${url}/api/v1/nodes`, { origin: "http://evil.example" })).status).toBe(403)
      const { headers } = yield* get(`${url}/health`)
      expect([headers.get("x-content-type-options"), headers.get("x-frame-options")]).toEqual(["nosniff", "DENY"])

      const readOnly = yield* listenForAdmin({
        ...operator,
        ...{ host: "127.0.0.1", port: 0, token: undefined, metrics: new Metrics() },
        health: () => ({ ready: false, state: "waiting" }),
        // A daemon that does not answer.
        run: () => new Promise(() => undefined),
        failed: (error) => {
          throw error
        },
      })
      expect(yield* post(`http://127.0.0.1:${readOnly}/api/v1/requests`, createTable)).toMatchObject([
        403,
        { error: { message: expect.stringContaining("admin.token") } },
      ])
      expect((yield* get(`http://127.0.0.1:${readOnly}/ready`)).status).toBe(503)
      const scraped = yield* Effect.promise(async () => (await fetch(`http://127.0.0.1:${readOnly}/metrics`)).text())
      expect(scraped).toContain("shardwright_records_readable 0")
    }).pipe(Effect.scoped),
  )

  it.live("slows down who asks too often", () =>
    Effect.gen(function* () {
      const { url } = yield* openAdmin()
      const answers = yield* Effect.forEach(Array.from({ length: 700 }), () => get(`${url}/health`), {
        concurrency: 20,
      })
      const refused = answers.filter(({ status }) => status === 429)
      expect(refused.length).toBeGreaterThan(0)
      expect(refused[0]?.headers.get("retry-after")).toBe("1")
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(500)
    }).pipe(Effect.scoped),
  )
})

describe("the dashboard", async () => {
  const problem = await Browser.problem()

  it.live.skipIf(problem !== undefined)(
    "shows the cluster as it lives, by keyboard as well, in light and dark, and asks nobody else",
    () =>
      Effect.gen(function* () {
        const { url } = yield* openAdmin()
        for (const node of ["n1", "n2", "n3"]) yield* begin(served, node, [])
        expect(yield* post(`${url}/api/v1/requests`, createTable)).toMatchObject([200, { status: "done" }])
        const browser = yield* Effect.acquireRelease(
          Effect.promise(() => Browser.launch()),
          (it) => Effect.promise(() => it.close()),
        )
        const { page } = browser
        const evaluate = (expression: string) => Effect.promise(() => page.evaluate(expression))
        const text = (id: string) => evaluate(`document.getElementById("${id}").textContent`)
        const until = Effect.fnUntraced(function* (expression: string) {
          while ((yield* evaluate(expression)) !== true) yield* Effect.sleep(Duration.millis(100))
        })
        yield* Effect.promise(() => page.open(`${url}/`, "document.title === 'Shardwright'"))

        yield* until("document.querySelectorAll('#map td.cell.insync').length === 4")
        expect(yield* text("cluster")).toBe("c")
        expect(yield* text("health")).toBe("all is well")
        expect(yield* text("findings")).toBe("nothing is amiss")
        expect(yield* text("tables")).toContain("2 of 2 whole")
        expect(yield* text("history")).toContain("create t: 2 shards, RF 2")
        expect(yield* evaluate("document.querySelectorAll('#map thead th[data-node]').length")).toBe(3)

        // The map by keyboard: one cell is reached by Tab, arrows go on from there.
        yield* evaluate("document.querySelector('#map td[tabindex=\"0\"]').focus()")
        const first = yield* text("detail")
        yield* Effect.promise(() => page.press("ArrowRight"))
        expect(yield* text("detail")).toContain("on n2:9312")
        yield* Effect.promise(() => page.press("ArrowLeft"))
        expect(yield* text("detail")).toBe(first)
        yield* Effect.promise(() => page.press("4"))
        expect(yield* evaluate("document.activeElement.id")).toBe("operations-title")

        // The colours follow the choice.
        const background = () => evaluate("getComputedStyle(document.body).backgroundColor")
        const choose = (theme: string) =>
          evaluate(
            `theme.value = "${theme}"; theme.dispatchEvent(new Event("change")); 1`.replaceAll(
              "theme.",
              "document.getElementById('theme').",
            ),
          )
        yield* choose("dark")
        expect(yield* background()).toBe("rgb(20, 23, 28)")
        yield* choose("light")
        expect(yield* background()).toBe("rgb(255, 255, 255)")

        // An operation that waits for approval, and the token to give it.
        const drop = { wish: { _tag: "DropTable", table: "t" }, approval: true, waitSeconds: 20 }
        expect(yield* post(`${url}/api/v1/requests`, drop)).toMatchObject([202, { operation: expect.any(String) }])
        yield* until("document.querySelector('#operations button[data-wish=Approve]')?.disabled === true")
        expect(yield* evaluate("document.querySelectorAll('#operations svg .step').length")).toBeGreaterThan(3)
        yield* evaluate(
          "(() => { const it = document.getElementById('token'); it.value = 'swordfish'; it.dispatchEvent(new Event('input')); return 1 })()",
        )
        yield* evaluate("document.querySelector('#operations button[data-wish=Approve]').click()")
        yield* until("document.getElementById('history').textContent.includes('drop')")
        yield* until("document.querySelectorAll('#map tbody tr').length === 0")

        // A node that dies.
        yield* control(served, "/kill", { node: "n3" })
        yield* until("document.getElementById('findings').textContent.includes('node-away')")
        expect(yield* text("health")).not.toBe("all is well")

        expect(page.errors).toEqual([])
        expect(page.requests.filter((asked) => !asked.startsWith(`${url}/`) && asked !== "about:blank")).toEqual([])
      }).pipe(Effect.scoped),
    90_000,
  )
})
