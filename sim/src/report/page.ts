/** A recording as a page of its own. */
import type { Recording } from "./Recording.ts"

/** The page, as HTML. */
export const page = (recording: Recording): string =>
  `<!doctype html>
<meta charset="utf-8">
<script type="application/json" id="recording">${JSON.stringify(recording).replaceAll("<", "\\u003c")}</script>
`
