/**
 * A recording as a page of its own: one file with data, script and style in it, which opens without a network. Texts of the
 * run get into the page as data only, never as HTML.
 */
import * as NodeFs from "node:fs"
import { showMs } from "../scenario/showDuration.ts"
import type { Recording } from "./Recording.ts"

/** Modules of the browser's part, each after those that it uses: they are put together to one script. */
const viewerModules = [
  "model.js",
  "colours.js",
  "rows.js",
  "timeline.js",
  "panels.js",
  "events.js",
  "charts.js",
  "main.js",
] as const

const readText = (url: URL): string => NodeFs.readFileSync(url, "utf8")
const viewerFile = (name: string): string => readText(new URL(`./viewer/${name}`, import.meta.url))
const chartFile = (name: string): string => readText(new URL(import.meta.resolve(`uplot/dist/${name}`)))

/** One scope for all modules: imports go, exports become names of it. */
const viewerScript = (): string =>
  viewerModules
    .map(viewerFile)
    .map((text) => text.replaceAll(/^import [^"]*"[^"]*"$/gm, "").replaceAll(/^export (?=const )/gm, ""))
    .join("\n")

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }
const html = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => escapes[sign] ?? sign)

/** Nothing in a script element may look like its end. */
const scriptData = (value: unknown): string => JSON.stringify(value).replaceAll("<", String.raw`\u003c`)

const figures = ({ result, stats }: Recording): string =>
  [
    `seed ${result.seed}`,
    `${showMs(result.virtualMs)} of virtual time`,
    `${stats.acknowledged} writes acknowledged, ${stats.refused} refused, ${stats.unknown} unknown, ${stats.lost} lost`,
    `${stats.moves} moves`,
    `${stats.rollbacks} rollbacks`,
    `${result.commands} statements`,
  ].join(" · ")

const failedExpectations = ({ expectations }: Recording): string => {
  const failed = expectations.filter(({ held }) => !held)
  if (failed.length === 0) return ""
  return `<ul class="bad">${failed.map(({ name, detail }) => `<li>${html(`${name} (${detail})`)}</li>`).join("")}</ul>`
}

/** The page, as HTML. */
export const page = (recording: Recording): string => {
  const { result, about, repro, callsLeftOut } = recording
  const leftOut = callsLeftOut === 0 ? "" : `; ${callsLeftOut} statements more are in the trace only`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${html(result.name)}, seed ${result.seed}</title>
<style>${chartFile("uPlot.min.css")}</style>
<style>${viewerFile("style.css")}</style>
</head>
<body>
<header>
<h1>${html(result.name)}</h1>
<span class="badge ${result.passed ? "good" : "bad"}">${result.passed ? "passed" : html(result.class)}</span>
<label class="muted">colours <select id="theme"><option value="auto">as the system</option><option value="light">light</option><option value="dark">dark</option></select></label>
</header>
<p>${html(about)}</p>
<p class="muted">${html(figures(recording))}</p>
<p><code>${html(repro)}</code></p>
<ul id="violations" aria-label="Violations"></ul>
${failedExpectations(recording)}
<div class="bar sticky">
<input id="scrubber" type="range" min="0" step="any" aria-label="Moment of the run">
<output id="clock"></output>
</div>
<p class="muted"><kbd>←</kbd> <kbd>→</kbd> move (with <kbd>Shift</kbd> further), <kbd>[</kbd> <kbd>]</kbd> event by event, <kbd>v</kbd> <kbd>V</kbd> violations, <kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd> zoom, <kbd>/</kbd> filter; drag over the timeline to zoom, click to move</p>
<div class="stage"><canvas id="timeline" role="img" aria-label="Timeline of nodes, faults, operations and copies. The same is told as text below, for the moment of the slider."></canvas><div id="cursor"></div></div>
<div id="tip" class="tip"></div>
<div id="charts"></div>
<div class="columns">
<section aria-labelledby="cluster-title"><h2 id="cluster-title">The cluster at this moment</h2><div id="cluster"></div></section>
<section aria-labelledby="plan-title"><h2 id="plan-title">Plan</h2><label class="muted">operation <select id="operation"></select></label><div id="plan"></div></section>
</div>
<section aria-labelledby="events-title"><h2 id="events-title">Everything that happened</h2>
<div class="bar"><label class="muted">filter <input id="filter" type="search" placeholder="text, node, or kind"></label><span id="count" class="muted" aria-live="polite"></span><span class="muted">${html(leftOut)}</span></div>
<div id="events" role="listbox" tabindex="0" aria-label="Events"></div>
</section>
<script type="application/json" id="recording">${scriptData(recording)}</script>
<script>${chartFile("uPlot.iife.min.js")}</script>
<script type="module">
${viewerScript()}
</script>
</body>
</html>
`
}
