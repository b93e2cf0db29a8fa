import { describe, expect, it } from "vitest"
import { junitXml } from "../../src/run/junit.ts"

describe("junitXml", () => {
  it("tells runs that passed and runs that failed, in signs that XML can hold", () => {
    const failure = {
      class: "correctness",
      checker: "lost-write",
      atMs: 1,
      message: 'row <1> & "2"\u0000',
      repro: "shardwright sim run a.yaml --seed 2",
    } as const
    expect(
      junitXml("suite", [
        { name: "a, seed 1", group: "a.yaml", wallMs: 1500, failure: null },
        { name: "a, seed 2", group: "a.yaml", wallMs: 2, failure },
      ]),
    ).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites tests="2" failures="1" errors="0" time="1.502">
        <testsuite name="suite" tests="2" failures="1" errors="0" time="1.502">
          <testcase name="a, seed 1" classname="a.yaml" time="1.500"/>
          <testcase name="a, seed 2" classname="a.yaml" time="0.002">
            <failure type="correctness: lost-write" message="row &lt;1&gt; &amp; &quot;2&quot; ">row &lt;1&gt; &amp; &quot;2&quot; 
      again: shardwright sim run a.yaml --seed 2</failure>
          </testcase>
        </testsuite>
      </testsuites>
      "
    `)
  })
})
