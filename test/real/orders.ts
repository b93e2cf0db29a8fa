/**
 * Random orders of stopping, killing and starting all nodes, while clients write: whatever the order, no acknowledged row may be lost.
 * A cluster that comes back as a whole has shown that its gates let the right copies begin.
 */
import { type Act, becomesWhole, checkRows, type Stage, writesGoOn } from "./acts.ts"
import { pause, type RealNode } from "./RealCluster.ts"

/** Numbers from 0 to 1, by a seed (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pauseMsMax = 4000
/** Longer than a node is waited for by those that start. */
const lateMs = 25_000

const shuffled = <A>(items: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  items
    .map((item) => ({ item, at: random() }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ item }) => item)

const playOrder = async (stage: Stage, random: () => number): Promise<void> => {
  const { cluster } = stage
  const told: Array<string> = []
  for (const node of shuffled(cluster.nodes, random)) {
    const signal = random() < 0.5 ? "SIGKILL" : "SIGTERM"
    await cluster.stopRunner(node, random() < 0.5 ? "SIGKILL" : "SIGTERM")
    await cluster.endDaemon(node, signal)
    told.push(`${signal === "SIGKILL" ? "kill" : "stop"} ${node.index}`)
    if (random() < 0.6) await pause(random() * pauseMsMax)
  }
  const start = (node: RealNode): void => {
    cluster.startRunner(node)
    told.push(`start ${node.index}`)
  }
  const [last, ...first] = shuffled(cluster.nodes, random)
  for (const node of first) {
    start(node)
    if (random() < 0.6) await pause(random() * pauseMsMax)
  }
  if (random() < 0.2) {
    await pause(lateMs)
    told.push("late:")
  }
  if (last !== undefined) start(last)
  stage.note(told.join(", "))
  const [any] = cluster.nodes
  if (any === undefined) return
  await becomesWhole(stage, 300, any)
  await writesGoOn(stage, 60)
  await checkRows(stage, cluster.nodes)
}

/** So many orders, as acts. */
export const randomOrders = (count: number, seed: number): ReadonlyArray<Act> =>
  Array.from({ length: count }, (_, index) => ({
    name: `order ${index + 1} of ${count} (seed ${seed})`,
    play: (stage: Stage) => playOrder(stage, randomOf(seed * 100_003 + index)),
  }))
