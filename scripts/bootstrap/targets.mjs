// What the root scripts of package.json can ask for. Scripts are relative to the root of the checkout.

/**
 * @typedef {object} Target
 * @property {string} script
 * @property {ReadonlyArray<string>} args put before the caller's
 * @property {boolean} inCallersFolder whether relative paths in the arguments are those of the person who typed them
 */

/** @type {Record<string, Target>} */
const targets = {
  start: { script: "packages/cli/src/main.ts", args: ["sim", "run", "scenarios/smoke"], inCallersFolder: false },
  shardwright: { script: "packages/cli/src/main.ts", args: [], inCallersFolder: true },
  test: { script: "node_modules/vitest/vitest.mjs", args: ["run"], inCallersFolder: false },
  check: { script: "scripts/check.mjs", args: [], inCallersFolder: false },
  "test:real": { script: "test/real/run.ts", args: [], inCallersFolder: false },
  bundle: { script: "scripts/bundle-node.mjs", args: [], inCallersFolder: true },
  bench: { script: "bench/run.ts", args: [], inCallersFolder: false },
}

export const targetNames = Object.keys(targets)

/**
 * @param {string} name
 * @returns {Target | undefined}
 */
export function findTarget(name) {
  return Object.hasOwn(targets, name) ? targets[name] : undefined
}
