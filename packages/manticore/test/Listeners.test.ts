/** Protects how a node's name and its MySQL listener are found in what a daemon says of itself. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { rows } from "@shardwright/core/Answer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { askSettings, binaryListener, mysqlEndpoint, parseListener, setting, settingsOf } from "../src/Listeners.ts"

const settings = (...listeners: ReadonlyArray<string>) =>
  settingsOf(
    rows(
      ["Setting_name", "Value"],
      [["configuration_file", "/etc/m.conf"], ...listeners.map((listener) => ["searchd.listen", listener])],
    ),
  ) ?? new Map()

describe("listeners", () => {
  it.each([
    ["9312", { host: null, port: 9312, protocol: "" }],
    ["127.0.0.1:9312", { host: "127.0.0.1", port: 9312, protocol: "" }],
    ["0.0.0.0:9306:mysql", { host: null, port: 9306, protocol: "mysql" }],
    ["10.0.0.1:9306:mysql_vip", { host: "10.0.0.1", port: 9306, protocol: "mysql" }],
    ["9306:mysql41", { host: null, port: 9306, protocol: "mysql41" }],
    ["10.0.0.1:9320-9399:replication", { host: "10.0.0.1", port: 9320, protocol: "replication" }],
    ["node-1.example:9312", { host: "node-1.example", port: 9312, protocol: "" }],
    ["[::1]:9312", { host: "[::1]", port: 9312, protocol: "" }],
    ["/var/run/manticore.sock:mysql", undefined],
    ["127.0.0.1:99999", undefined],
    ["", undefined],
  ])("%s", (text, expected) => {
    expect(parseListener(text)).toEqual(expected)
  })

  it("the binary one names the node, whatever else listens", () => {
    const found = settings("9308:http", "10.0.0.1:9320-9330:replication", "10.0.0.1:9306:mysql", "10.0.0.1:9312")
    expect(binaryListener(found)).toMatchObject({ host: "10.0.0.1", port: 9312 })
    expect(mysqlEndpoint(found, "other")).toEqual({ host: "10.0.0.1", port: 9306 })
    expect(setting(found, "configuration_file")).toBe("/etc/m.conf")
  })

  it("a listener on all interfaces is reached where the node is", () => {
    expect(mysqlEndpoint(settings("9306:mysql"), "10.0.0.7")).toEqual({ host: "10.0.0.7", port: 9306 })
    expect(mysqlEndpoint(settings("9312"), "10.0.0.7")).toBeUndefined()
  })
})

describe("settings", () => {
  it("are asked for without the password where others could read along", async () => {
    const seen: Array<string | undefined> = []
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end(JSON.stringify([{ data: [{ Setting_name: "searchd.listen", Value: "10.0.0.1:9306:mysql" }] }]))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    // A server on a TCP port has such an address.
    const { port } = server.address() as AddressInfo
    const found = await Effect.runPromise(
      askSettings(`127.0.0.1:${port}`, Duration.seconds(5), { user: "admin", password: "swordfish" }),
    )
    server.close()
    expect(found?.get("searchd.listen")).toEqual(["10.0.0.1:9306:mysql"])
    expect(seen).toEqual([undefined])
  })
})
