// Prints the sum of a CI run as `N passed, N failed[, N skipped]`.
//
//   node .ci/summary.mjs VITEST_RESULTS.json PASSED_STEPS FAILED_STEPS
//
// Plain JavaScript for the Node that npm came with.
import fs from "node:fs"

const [file = "", passedSteps = "0", failedSteps = "0"] = process.argv.slice(2)
let passed = Number(passedSteps)
let failed = Number(failedSteps)
let skipped = 0

if (fs.existsSync(file)) {
  const results = JSON.parse(fs.readFileSync(file, "utf8"))
  passed += results.numPassedTests
  failed += results.numFailedTests
  skipped = results.numPendingTests + (results.numTodoTests ?? 0)
  // A file that did not even load has no failed test to count.
  for (const { status, assertionResults } of results.testResults) {
    if (status === "failed" && !assertionResults.some((test) => test.status === "failed")) failed += 1
  }
  if (results.success === false && failed === 0) failed = 1
} else {
  // The test run ended before it could write its results.
  failed += 1
}

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
