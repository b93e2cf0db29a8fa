// `npm run bundle`: the runner as one file that needs nothing but Node, for machines without a checkout.
//
//   node scripts/bundle-node.mjs [FILE]        dist/shardwright-node.mjs by default
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const file = path.resolve(process.argv[2] ?? path.join(root, "dist", "shardwright-node.mjs"))

const bundle = await rolldown({
  input: path.join(root, "packages/node/src/main.ts"),
  platform: "node",
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
