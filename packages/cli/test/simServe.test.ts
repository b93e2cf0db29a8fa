/** Protects `sim serve` as a process: one JSON document with ports that answer, and a clean end by a signal. */
import { spawn } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { afterAll, describe, expect, it } from "vitest"

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "shardwright-serve-"))
const file = path.join(folder, "served.yaml")
fs.writeFileSync(
  file,
  "shardwright: 1\nname: served\nabout: A cluster comes up and rests.\ncluster: {nodes: 2}\nuntil: 5s\nexpect: {eventually: []}\n",
)
afterAll(() => fs.rmSync(folder, { recursive: true }))
const main = path.resolve(import.meta.dirname, "../src/main.ts")

const firstLine = (stream: NodeJS.ReadableStream): Promise<string> =>
  new Promise((resolve) => {
    let text = ""
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes("\n")) resolve(text)
    })
  })

/** The first byte that a server sends after the header: the version of the protocol. */
const protocolAt = (port: number): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.on("error", reject)
    socket.once("data", (chunk) => {
      socket.destroy()
      resolve(chunk[4])
    })
  })

describe("sim serve", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("prints where the nodes are, and ends well with %s", async (signal) => {
    const child = spawn(process.execPath, [main, "sim", "serve", file, "--base-port", "0", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    const ended = new Promise((resolve) => child.once("exit", (code, by) => resolve(code ?? by)))
    const document = JSON.parse(await firstLine(child.stdout)) as {
      readonly nodes: ReadonlyArray<{ readonly node: string; readonly port: number }>
      readonly control: { readonly url: string }
    }
    expect(document.nodes.map(({ node }) => node)).toEqual(["n1", "n2"])
    for (const { port } of document.nodes) expect(await protocolAt(port)).toBe(10)
    expect((await fetch(`${document.control.url}/state`)).status).toBe(200)
    child.kill(signal)
    expect(await ended).toBe(0)
  })
})
