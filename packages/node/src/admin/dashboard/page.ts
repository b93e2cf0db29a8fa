/**
 * The dashboard: one page without anything from elsewhere. It asks the API for an overview every two seconds. Scripts and styles other than
 * its own are refused by its policy, and what the records say gets into it as text only.
 */
import crypto from "node:crypto"
import type { HttpReply } from "../../HttpServer.ts"
import { asset } from "./assets.ts"

/** Modules of the browser's part, each after those that it uses: they are put together to one script. */
const viewerModules = ["model.js", "elements.js", "map.js", "operations.js", "main.js"] as const

/** One scope for all modules: imports go, exports become names of it. */
const viewerScript = (): string =>
  viewerModules
    .map(asset)
    .map((text) => text.replaceAll(/^import [^"]*"[^"]*"$/gm, "").replaceAll(/^export (?=const )/gm, ""))
    .join("\n")

const hash = (text: string): string => `'sha256-${crypto.createHash("sha256").update(text).digest("base64")}'`

const html = (style: string, script: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shardwright</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Shardwright <span id="cluster"></span></h1>
<span id="health" class="badge" role="status"></span>
<span id="leader" class="muted"></span>
<span id="age" class="muted"></span>
<label class="muted">token <input id="token" type="password" autocomplete="off" placeholder="to change things"></label>
<label class="muted">colours <select id="theme"><option value="auto">as the system</option><option value="light">light</option><option value="dark">dark</option></select></label>
</header>
<p class="muted"><kbd>1</kbd> findings, <kbd>2</kbd> map, <kbd>3</kbd> tables, <kbd>4</kbd> operations, <kbd>5</kbd> history, <kbd>/</kbd> filter, arrows move in the map</p>
<p id="problem" class="bad" role="alert" hidden></p>
<section aria-labelledby="findings-title"><h2 id="findings-title" tabindex="-1">Findings</h2><ul id="findings" class="plain"></ul></section>
<section aria-labelledby="map-title"><h2 id="map-title" tabindex="-1">Map</h2>
<label class="muted">filter <input id="filter" type="search" placeholder="group, table or node"></label> <span id="map-count" class="muted" aria-live="polite"></span>
<div class="scroll"><table id="map" role="grid" aria-label="Replica groups by node"></table></div>
<p class="muted legend"><span class="cell insync">●</span> in sync <span class="cell behind">◐</span> not in sync <span class="cell away">○</span> away <span class="cell leaving">↤</span> leaves <span class="cell exiled">✕</span> given up</p>
<p id="detail" class="detail" aria-live="polite"></p></section>
<section aria-labelledby="tables-title"><h2 id="tables-title" tabindex="-1">Tables</h2><div class="scroll"><table id="tables"></table></div></section>
<section aria-labelledby="operations-title"><h2 id="operations-title" tabindex="-1">Operations</h2><div id="operations"></div></section>
<section aria-labelledby="history-title"><h2 id="history-title" tabindex="-1">History</h2><div class="scroll"><table id="history"></table></div></section>
<script type="module">${script}</script>
</body>
</html>
`

const made = (): HttpReply => {
  const style = asset("style.css")
  const script = viewerScript()
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ")
  return {
    status: 200,
    body: html(style, script),
    type: "text/html; charset=utf-8",
    headers: { "content-security-policy": policy },
  }
}

let page: HttpReply | undefined

/** The page with its headers. */
export const dashboardPage = (): HttpReply => (page ??= made())
