/**
 * What is done to the real cluster, in order. Each act waits for what must come of it, and fails if it does not come in time.
 */
import { pause, type RealCluster, type RealNode } from "./RealCluster.ts"
import type { Writers } from "./Writers.ts"

/** Where the acts are played. */
export interface Stage {
  readonly cluster: RealCluster
  /** Of a table with two copies of each shard, and of one with a single copy. */
  readonly writers: ReadonlyArray<Writers>
  readonly note: (text: string) => void
}

/** One thing that is done. */
export interface Act {
  readonly name: string
  readonly play: (stage: Stage) => Promise<void>
}

const lookPauseMs = 1000

const must = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(otherwise)
}

/** Waits until something is so. */
export const eventually = async (
  what: string,
  seconds: number,
  holds: () => Promise<boolean>,
  why: () => string = () => "",
): Promise<void> => {
  const untilMs = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new Error(`${what} did not come within ${seconds} s${why()}`)
    await pause(lookPauseMs)
  }
}

const nodeOf = ({ cluster }: Stage, index: number): RealNode => {
  const node = cluster.nodes[index - 1]
  if (node === undefined) throw new Error(`there is no node ${index}`)
  return node
}

/** Runs the command line; it must end with 0. */
const cli = async ({ cluster }: Stage, ...args: ReadonlyArray<string>): Promise<unknown> => {
  const { code, document, noted } = await cluster.cli(...args)
  must(code === 0, `shardwright ${args.join(" ")} ended with ${code}: ${noted} ${JSON.stringify(document)}`)
  return document
}

/** What keeps a cluster from being whole, as the records say now: shards without all copies, and what is amiss. */
const amissIn = async (stage: Stage, at: RealNode): Promise<ReadonlyArray<string>> => {
  const shown = await stage.cluster.overview(at)
  if (shown === undefined) return [`${at.name} shows nothing`]
  const short = stage.writers.flatMap(({ table }) => {
    const found = shown.tables.find(({ name, status }) => name === table && status === "ready")
    return found !== undefined && found.layout.every(({ copies }) => copies >= found.rf)
      ? []
      : [`${table} is not whole`]
  })
  return [...short, ...shown.findings.map(({ code, detail, subject }) => `${code} ${subject}: ${detail}`)]
}

/** Longer than a runner that begins to act takes to show what its daemon has. */
const restMs = 6000

/** Waits until every shard has its copies and nothing is amiss, and stays so. */
export const becomesWhole = (stage: Stage, seconds: number, at: RealNode): Promise<void> => {
  let sinceMs: number | undefined
  let amiss: ReadonlyArray<string> = []
  const isWhole = async (): Promise<boolean> => {
    const nowMs = performance.now()
    amiss = await amissIn(stage, at)
    sinceMs = amiss.length === 0 ? (sinceMs ?? nowMs) : undefined
    return sinceMs !== undefined && nowMs - sinceMs > restMs
  }
  return eventually("all copies", seconds, isWhole, () => `: ${amiss.join("; ")}`)
}

/** Every table can be written, each of its shards: that many rows in a row are acknowledged from now on. */
export const writesGoOn = async (stage: Stage, seconds: number): Promise<void> => {
  for (const { table, written } of stage.writers) {
    const before = written.acknowledged.size
    await eventually(`writes to ${table}`, seconds, () => Promise.resolve(written.acknowledged.size > before + 100))
  }
}

/** All that was acknowledged is there, once, from every node. */
export const checkRows = async (stage: Stage, nodes: ReadonlyArray<RealNode>): Promise<void> => {
  for (const writers of stage.writers) {
    for (const node of nodes) {
      const { doubled, lost } = await writers.check(node)
      must(
        lost.length === 0 && doubled === 0,
        `${node.name} lacks ${lost.length} acknowledged rows of ${writers.table} (${lost.slice(0, 5).join(", ")}), and has ${doubled} twice`,
      )
    }
    const { acknowledged, longestGapMs, refused, unknown } = writers.written
    stage.note(
      `${writers.table}: ${acknowledged.size} acknowledged, ${refused.size} refused, ${unknown.size} unknown, 0 lost; longest gap ${Math.round(longestGapMs)} ms`,
    )
  }
}

/** True if a node carries a shard; a runner that does not answer tells nothing, so it counts as neither. */
const hosts = async (stage: Stage, node: RealNode, at: RealNode): Promise<boolean | undefined> =>
  (await stage.cluster.overview(at))?.tables.some(({ layout }) => layout.some(({ nodes }) => nodes.includes(node.name)))

/** All acts, in order. */
export const acts: ReadonlyArray<Act> = [
  {
    name: "three bare daemons become a cluster",
    play: async (stage) => {
      for (let index = 1; index <= 3; index++) stage.cluster.startRunner(await stage.cluster.add())
      const first = nodeOf(stage, 1)
      for (const { mysql } of stage.cluster.nodes) {
        await eventually(`an answer of ${mysql}`, 60, async () => {
          const { code } = await stage.cluster.cli("cluster", "status", "--connect", mysql)
          return code !== 5
        })
      }
      await cli(stage, "cluster", "init", "--connect", first.mysql)
      for (const { mysql } of stage.cluster.nodes.slice(1))
        await cli(stage, "cluster", "join", first.mysql, "--connect", mysql)
      await eventually("a leader", 60, async () => {
        const shown = await stage.cluster.overview(first)
        return shown !== undefined && shown.status.leader !== null
      })
    },
  },
  {
    name: "tables with two copies and with one are made",
    play: async (stage) => {
      const at = nodeOf(stage, 1).mysql
      const structure = "title text, v bigint"
      await cli(stage, "table", "create", "t", structure, "--shards", "3", "--rf", "2", "--connect", at)
      await cli(stage, "table", "create", "single", structure, "--shards", "3", "--rf", "1", "--connect", at)
      for (const writers of stage.writers) for (const index of [1, 3]) writers.begin(nodeOf(stage, index))
      await writesGoOn(stage, 30)
    },
  },
  {
    name: "each daemon is stopped once, in maintenance, and nothing stays with it alone",
    play: async (stage) => {
      for (const node of stage.cluster.nodes) {
        const at = nodeOf(stage, node.index === 1 ? 2 : 1)
        await cli(stage, "node", "maintenance", node.name, "--connect", at.mysql)
        await stage.cluster.endDaemon(node, "SIGTERM")
        // Its runner starts it again. A copy with a row that no other one has would be amiss.
        await becomesWhole(stage, 180, at)
        await cli(stage, "node", "undrain", node.name, "--connect", at.mysql)
        await becomesWhole(stage, 60, at)
      }
      await writesGoOn(stage, 60)
      await checkRows(stage, stage.cluster.nodes)
    },
  },
  {
    name: "a daemon that is killed is started again by its runner",
    play: async (stage) => {
      await stage.cluster.endDaemon(nodeOf(stage, 2), "SIGKILL")
      await pause(5000)
      await becomesWhole(stage, 180, nodeOf(stage, 1))
      await writesGoOn(stage, 60)
      await checkRows(stage, stage.cluster.nodes)
    },
  },
  {
    name: "a node that is gone is done without: writes to its groups go on",
    play: async (stage) => {
      const gone = nodeOf(stage, 2)
      await stage.cluster.stopRunner(gone, "SIGKILL")
      await stage.cluster.endDaemon(gone, "SIGKILL")
      const [replicated] = stage.writers
      if (replicated === undefined) throw new Error("there are no writers")
      const count = () => ({ good: replicated.written.acknowledged.size, bad: replicated.written.refused.size })
      const before = count()
      // Groups that lost half of their members have no majority: a survivor is promoted after the delay. Until the copies are made
      // anew elsewhere, wrappers go on naming the dead one, and now and then a write is refused because of it.
      await eventually("that nearly all writes are taken", 90, async () => {
        const from = count()
        await pause(5000)
        const { bad, good } = count()
        return good - from.good > 100 && bad - from.bad < (good - from.good) / 20
      })
      stage.note(`writes refused until then: ${count().bad - before.bad}`)
    },
  },
  {
    name: "it returns",
    play: async (stage) => {
      stage.cluster.startRunner(nodeOf(stage, 2))
      await becomesWhole(stage, 240, nodeOf(stage, 1))
      await writesGoOn(stage, 60)
      await checkRows(stage, stage.cluster.nodes)
    },
  },
  {
    name: "a runner that is killed leaves its daemon alone",
    play: async (stage) => {
      await stage.cluster.stopRunner(nodeOf(stage, 1), "SIGKILL")
      await pause(3000)
      stage.cluster.startRunner(nodeOf(stage, 1))
      await writesGoOn(stage, 60)
      await becomesWhole(stage, 120, nodeOf(stage, 3))
    },
  },
  {
    name: "a fourth node is given its share",
    play: async (stage) => {
      const node = await stage.cluster.add()
      stage.cluster.startRunner(node)
      await eventually(`an answer of ${node.name}`, 60, async () => {
        const { code } = await stage.cluster.cli("cluster", "status", "--connect", node.mysql)
        return code !== 5
      })
      await cli(stage, "cluster", "join", nodeOf(stage, 1).mysql, "--connect", node.mysql)
      await eventually(`copies on ${node.name}`, 180, async () => (await hosts(stage, node, nodeOf(stage, 1))) === true)
      await becomesWhole(stage, 180, nodeOf(stage, 1))
      await checkRows(stage, stage.cluster.nodes)
    },
  },
  {
    name: "a node is drained, single copies included",
    play: async (stage) => {
      const node = nodeOf(stage, 2)
      await cli(stage, "node", "drain", node.name, "--reason", "test", "--connect", nodeOf(stage, 1).mysql)
      await eventually(
        `nothing on ${node.name}`,
        240,
        async () => (await hosts(stage, node, nodeOf(stage, 1))) === false,
      )
      await becomesWhole(stage, 180, nodeOf(stage, 1))
      await checkRows(stage, stage.cluster.nodes)
    },
  },
  {
    name: "all daemons are killed, and come back with every row",
    play: async (stage) => {
      await Promise.all(stage.cluster.nodes.map((node) => stage.cluster.stopRunner(node, "SIGKILL")))
      await Promise.all(stage.cluster.nodes.map((node) => stage.cluster.endDaemon(node, "SIGKILL")))
      for (const node of stage.cluster.nodes.toReversed()) {
        stage.cluster.startRunner(node)
        await pause(1500)
      }
      await becomesWhole(stage, 300, nodeOf(stage, 1))
      await writesGoOn(stage, 60)
    },
  },
  {
    name: "every acknowledged row is there, from every node",
    play: async (stage) => {
      for (const writers of stage.writers) await writers.end()
      await checkRows(stage, stage.cluster.nodes)
      await cli(stage, "health", "--connect", nodeOf(stage, 3).mysql)
    },
  },
]
