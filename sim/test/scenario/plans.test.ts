import { describe } from "vitest"
import { testScenarios } from "./Folder.ts"

describe("scenarios/plans", () => {
  testScenarios("plans")
})
