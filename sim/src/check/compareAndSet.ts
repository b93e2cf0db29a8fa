/**
 * `compare-and-set`: the store is linearizable. Each record is a register of its own, and each of its versions is committed
 * once, by one attempt; so the order of versions is the only order that the writes of a record can have had, and what is
 * left to check is that it fits what callers saw: a write takes effect after it has begun and before its caller is told
 * that it won, each version right after the one before; whoever is told that it lost has no effect, and another one has
 * taken its place by then. A write whose caller was told nothing may have taken effect or not.
 *
 * That a version is committed twice (two histories of the coordination cluster) is for `one-leader-per-term` to say.
 */
import type { StoreWrite } from "@shardwright/core/StoreCalls"
import type { MakeChecker } from "./Checker.ts"

const name = "compare-and-set"

/** Records that the watcher does not follow: heartbeats have one writer and no condition, listings are for people. */
const isFollowed = (key: string): boolean => !key.startsWith("heartbeat/") && !key.startsWith("listing/")

/** Makes the checker. */
export const compareAndSet: MakeChecker = (context) => {
  const { state, report } = context
  /** Attempts by their nonces. */
  const begun = new Map<string, StoreWrite & { lost: boolean }>()
  const attempt = ({ node, version }: StoreWrite, key: string | undefined): string =>
    `version ${version} of ${key} by ${node}`

  context.onStoreWrite((write) => {
    const keys = write.keys.filter(isFollowed)
    const known = { ...write, lost: false }
    begun.set(write.nonce, known)
    return (outcome) => {
      known.lost = outcome === "lost"
      const writers = keys.map((key) => state.sightOf(key, write.version)?.nonce)
      const other = writers.findIndex((nonce) => (nonce === write.nonce) !== (outcome === "won"))
      if (outcome === "won" && other >= 0)
        report(
          name,
          `${attempt(write, keys[other])} is said to be written, and is ${writers[other] === undefined ? "not there" : "another's"}`,
        )
      if (outcome === "lost" && writers.includes(write.nonce))
        report(name, `${attempt(write, keys[writers.indexOf(write.nonce)])} is said to be refused, and is there`)
      // Of several records one that is there already is enough.
      else if (outcome === "lost" && keys.length > 0 && writers.every((nonce) => nonce === undefined))
        report(name, `${attempt(write, keys[0])} is said to be refused, and nobody else has written it`)
    }
  })

  state.onRecord((record, previous) => {
    if (!isFollowed(record.key)) return
    const before = previous?.version ?? 0
    // A record that leaves the listing keeps its version.
    if (record.version !== before && record.version !== before + 1)
      report(name, `${record.key} went from version ${before} to ${record.version}`)
    if (record.version === before) return
    const write = begun.get(record.nonce)
    if (write === undefined)
      report(name, `version ${record.version} of ${record.key} is written by nobody: ${record.nonce}`)
    else if (write.lost) report(name, `${attempt(write, record.key)} is written after it was refused`)
    else if (!write.keys.includes(record.key) || write.version !== record.version)
      report(name, `${attempt(write, write.keys[0])} has made version ${record.version} of ${record.key}`)
  })
  return { name }
}
