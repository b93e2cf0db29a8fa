/** Files that are no transcripts are refused with the place and what was expected. */
import { describe, expect, it } from "vitest"
import { parseTranscript, TranscriptError } from "../../src/conformance/Transcript.ts"

const header = `{"transcript":"a","family":"f","nodes":2}`

const problem = (content: string): string => {
  try {
    parseTranscript(content, "a", "f/a.jsonl")
  } catch (error) {
    if (error instanceof TranscriptError) return error.message
    throw error
  }
  return "none"
}

describe("parseTranscript", () => {
  it.each([
    ["", "f/a.jsonl:1: the file is empty"],
    ["\n\n", "f/a.jsonl:1: the file is empty"],
    [`{"at":0}`, `f/a.jsonl:1: expected a header with "transcript"`],
    [`${header}\n\n{"at":0,`, "f/a.jsonl:3: expected one JSON object a line"],
    [`${header}\n[1]`, "f/a.jsonl:2: expected one JSON object a line: not an object"],
    [`${header}\n{"at":0,"event":"dance"}`, `f/a.jsonl:2: unknown event "dance"; expected start,`],
    [`${header}\n{"at":0,"event":"kill"}`, `f/a.jsonl:2: the event kill names no "node"`],
    [`${header}\n{"at":0,"event":"kill","node":3}`, "f/a.jsonl:2: expected a node from 1 to 2"],
    [`${header}\n{"at":0,"event":"cut","from":1,"to":5}`, "f/a.jsonl:2: expected a node from 1 to 2"],
    [`${header}\n{"at":0,"node":1,"sql":"SELECT 1"}`, "f/a.jsonl:2: expected exactly one answer"],
    [`${header}\n{"at":0,"node":1}`, "f/a.jsonl:2: expected a statement"],
  ])("refuses %j", (content, expected) => {
    expect(problem(content)).toContain(expected)
  })

  it("numbers lines as an editor does", () => {
    const { lines } = parseTranscript(`${header}\n\n{"at":0,"event":"heal"}\n`, "a")
    expect(lines.map(({ line, kind }) => [line, kind])).toEqual([[3, "heal"]])
  })
})
