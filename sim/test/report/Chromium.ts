/**
 * A headless Chromium for tests of pages, over its own protocol: started once, closed at the end. It comes as a package; what
 * it needs of the machine are some libraries that most have, libnss3 above all.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import chromium from "@sparticuz/chromium"

/** What the browser answers to a command, or tells. */
interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

/** One page of the browser. */
export class Page {
  /** Uncaught exceptions, errors on the console, and addresses that the page asked for. */
  readonly errors: Array<string> = []
  readonly requests: Array<string> = []
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (message: Message) => void>()
  #last = 0
  #loaded: () => void = () => undefined

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener("message", ({ data }) => this.#onMessage(JSON.parse(String(data))))
  }

  static async connect(url: string): Promise<Page> {
    const socket = new WebSocket(url)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve())
      socket.addEventListener("error", () => reject(new Error(`no connection to ${url}`)))
    })
    const page = new Page(socket)
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(`${domain}.enable`)
    return page
  }

  /** Gives a command and waits for its result. */
  async send(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#last
    const { error, result } = await new Promise<Message>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /** The value of an expression in the page; promises are waited for. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = (await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })) as {
      readonly result: { readonly value?: unknown }
      readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } }
    }
    const { exceptionDetails: thrown } = answer
    if (thrown !== undefined) throw new Error(thrown.exception?.description ?? thrown.text)
    return answer.result.value
  }

  /** Opens a file, or an address, with its scripts, after which the expression must hold. */
  async open(where: string, isReady: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => (this.#loaded = resolve))
    await this.send("Page.navigate", { url: where.startsWith("/") ? `file://${where}` : where })
    await loaded
    if ((await this.evaluate(isReady)) !== true) throw new Error(`${where} is not ready: ${this.errors.join("; ")}`)
  }

  /** Presses a key and lets it go, and waits until the page has been drawn again. */
  async press(key: string, modifiers = 0): Promise<void> {
    const text = key.length === 1 ? key : undefined
    await this.send("Input.dispatchKeyEvent", {
      type: "keyDown",
      key,
      modifiers,
      ...(text === undefined ? {} : { text }),
    })
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, modifiers })
    await this.frame()
  }

  /** Waits for the frame after the next. */
  async frame(): Promise<void> {
    await this.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
  }

  /** The whole page as PNG, in base64. */
  async screenshot(): Promise<string> {
    const shot = (await this.send("Page.captureScreenshot", { captureBeyondViewport: true })) as {
      readonly data: string
    }
    return shot.data
  }

  #onMessage(message: Message): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message)
      this.#waiting.delete(message.id)
      return
    }
    const text = JSON.stringify(message.params)
    if (message.method === "Page.loadEventFired") this.#loaded()
    if (message.method === "Runtime.exceptionThrown") this.errors.push(text)
    if (message.method === "Log.entryAdded" && text.includes('"level":"error"')) this.errors.push(text)
    if (message.method === "Runtime.consoleAPICalled" && text.includes('"type":"error"')) this.errors.push(text)
    if (message.method === "Network.requestWillBeSent") {
      const { request } = message.params as { readonly request: { readonly url: string } }
      this.requests.push(request.url)
    }
  }
}

/** A browser with one page. */
export class Browser {
  readonly page: Page
  readonly #process: ChildProcess
  readonly #profile: string

  private constructor(page: Page, process: ChildProcess, profile: string) {
    this.page = page
    this.#process = process
    this.#profile = profile
  }

  /** Why there is no browser here; undefined if there is one. */
  static async problem(): Promise<string | undefined> {
    if (process.platform !== "linux" || process.arch !== "x64") return "the package has a browser for Linux x64 only"
    const { status, stderr } = spawnSync(await chromium.executablePath(), ["--version"], { encoding: "utf8" })
    return status === 0 ? undefined : `the browser does not start: ${stderr.trim()}`
  }

  static async launch(): Promise<Browser> {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), "chromium-"))
    const child = spawn(
      await chromium.executablePath(),
      [
        ...chromium.args.filter((arg) => !arg.startsWith("--window-size")),
        "--window-size=1400,1000",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      // Without a language of the machine's the browser has one that its own Intl refuses.
      { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, LANG: "en_US.UTF-8", LC_ALL: "en_US.UTF-8" } },
    )
    const port = await new Promise<string>((resolve, reject) => {
      let said = ""
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const found = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(said)
        if (found?.[1] !== undefined) resolve(found[1])
      })
      child.on("exit", (code) => reject(new Error(`Chromium ended with ${code}: ${said}`)))
      child.on("error", reject)
    })
    const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as ReadonlyArray<{
      readonly type: string
      readonly webSocketDebuggerUrl: string
    }>
    const [url] = pages.flatMap((it) => (it.type === "page" ? [it.webSocketDebuggerUrl] : []))
    if (url === undefined) throw new Error("Chromium has no page")
    return new Browser(await Page.connect(url), child, profile)
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.on("exit", resolve))
    this.#process.kill("SIGKILL")
    await ended
    fs.rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
