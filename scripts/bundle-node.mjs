// `npm run bundle`: the runner as one file that needs nothing but Node, for machines without a checkout.
//
//   node scripts/bundle-node.mjs [FILE]        dist/shardwright-node.mjs by default
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const file = path.resolve(process.argv[2] ?? path.join(root, "dist", "shardwright-node.mjs"))

const viewer = path.join(root, "packages/node/src/admin/dashboard/viewer")
const texts = Object.fromEntries(
  fs
    .readdirSync(viewer)
    .filter((name) => /\.(?:js|css)$/.test(name))
    .map((name) => [name, fs.readFileSync(path.join(viewer, name), "utf8")]),
)
/** Files that are read at run time are in the bundle as text. */
const assets = {
  name: "assets",
  /** @param {string} id */
  load: (id) =>
    id.endsWith(path.join("admin", "dashboard", "assets.ts"))
      ? { code: `const texts = ${JSON.stringify(texts)}; export const asset = (name) => texts[name]`, moduleType: "js" }
      : null,
}

const bundle = await rolldown({
  input: path.join(root, "packages/node/src/main.ts"),
  platform: "node",
  plugins: [assets],
  logLevel: "warn",
})
await bundle.write({
  file,
  format: "esm",
  minify: true,
  codeSplitting: false,
})
await bundle.close()
fs.chmodSync(file, 0o755)
console.log(`${path.relative(process.cwd(), file)}: ${(fs.statSync(file).size / 1_000_000).toFixed(1)} MB`)
