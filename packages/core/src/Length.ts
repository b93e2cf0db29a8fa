/**
 * Lengths of time as people write them, in configuration files and on the command line.
 */
import * as Duration from "effect/Duration"

const millisOfUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Reads `90s`; undefined if it is not a length of time with its unit (ms, s, m, h, d).
 *
 * @example
 * ```ts
 * import { parseLength } from "@shardwright/core/Length"
 *
 * parseLength("1.5s") // Duration.millis(1500)
 * parseLength("90") // undefined
 * ```
 */
export const parseLength = (text: string): Duration.Duration | undefined => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  const unit = millisOfUnit[match?.[2] ?? ""]
  return match === null || unit === undefined ? undefined : Duration.millis(Number(match[1]) * unit)
}
