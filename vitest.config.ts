import path from "node:path"
import { defineConfig } from "vitest/config"

/** Folders with tests, by the name under which their results show; each has its tests in `test/`. */
const projects = {
  core: "packages/core",
  manticore: "packages/manticore",
  node: "packages/node",
  cli: "packages/cli",
  sim: "sim",
  scripts: "scripts",
  /** What crosses packages. */
  across: ".",
}

export default defineConfig({
  test: {
    // A test that waits this long waits for something that will not happen: simulated time costs nothing.
    testTimeout: 30_000,
    projects: Object.entries(projects).map(([name, folder]) => ({
      extends: true,
      test: { name, include: [path.posix.join(folder, "test/**/*.test.ts")] },
    })),
  },
})
