import { afterEach, describe, expect, it, vi } from "vitest"
import { annotate, annotationLine } from "../src/cli/annotate.ts"

afterEach(() => {
  vi.unstubAllEnvs()
})

const annotation = { title: "a: b, c", message: "50% of\nall", file: "scenarios/a,b.yaml" }

describe("annotations", () => {
  it("are one line, with everything escaped that would end a part of it", () => {
    expect(annotationLine(annotation)).toBe(
      "::error file=scenarios/a%2Cb.yaml,line=1,title=a%3A b%2C c::50%25 of%0Aall",
    )
    expect(annotationLine({ ...annotation, file: null })).toBe("::error title=a%3A b%2C c::50%25 of%0Aall")
  })

  it("are told in a workflow, and nowhere else", () => {
    const told: Array<string> = []
    const note = (line: string) => told.push(line)
    vi.stubEnv("GITHUB_ACTIONS", "")
    annotate(note, annotation)
    expect(told).toEqual([])
    vi.stubEnv("GITHUB_ACTIONS", "true")
    annotate(note, annotation)
    expect(told).toEqual([annotationLine(annotation)])
  })
})
