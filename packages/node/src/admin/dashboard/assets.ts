/** The files of the page. The bundle of the runner has their text in place of this module (`scripts/bundle-node.mjs`). */
import fs from "node:fs"

/** The text of a file in `viewer`. */
export const asset = (name: string): string => fs.readFileSync(new URL(`./viewer/${name}`, import.meta.url), "utf8")
