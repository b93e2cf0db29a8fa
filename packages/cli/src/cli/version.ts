/** The version that this checkout says it is. */
import manifest from "../../package.json" with { type: "json" }

export const version: string = manifest.version
