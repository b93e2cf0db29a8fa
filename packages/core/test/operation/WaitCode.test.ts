/** The list of wait codes is closed: what the engine may say and what people can look up are the same. */
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import { describe, expect, it } from "vitest"
import { WaitCode } from "../../src/operation/WaitCode.ts"

const documented = (): ReadonlyArray<string> => {
  const page = NodeFs.readFileSync(NodePath.join(import.meta.dirname, "../../../../docs/OPERATIONS.md"), "utf8")
  const section = page.split("## What an operation waits for")[1]?.split("\n## ")[0] ?? ""
  return [...section.matchAll(/^\| `([a-z-]+)` \| (.+) \| (.+) \|$/gm)].map((match) => match[1] ?? "")
}

describe("WaitCode", () => {
  it("has every code in docs/OPERATIONS.md, with its meaning and what helps", () => {
    expect(documented().toSorted()).toEqual([...WaitCode.literals].toSorted())
  })
})
