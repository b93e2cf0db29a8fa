import { describe } from "vitest"
import { testScenarios } from "./Folder.ts"

describe("scenarios/smoke", () => {
  testScenarios("smoke")
})
