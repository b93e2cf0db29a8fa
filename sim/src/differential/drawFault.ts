/** Draws faults, with statements while they last, and their end. */
import { say } from "./drawStatement.ts"
import type { Drawing } from "./drawSequence.ts"
import type { Expected } from "./Sequence.ts"

/** Draws this many statements for nodes that are up. */
type Statements = (count: number) => void

/** Draws a fault together with its end. */
export const drawFault = (drawing: Drawing, statements: Statements): void => {
  const { random, model } = drawing
  const node = random.pick(model.up())
  if (node === undefined) {
    for (const down of model.nodes) start(drawing, down, [])
    return
  }
  const what = random.int(1, 100)
  if (what <= 34) killed(drawing, statements, node)
  else if (what <= 54) stopped(drawing, statements, node)
  else if (what <= 64) allStopped(drawing, statements)
  else if (what <= 78) paused(drawing, statements, node)
  else partitioned(drawing, statements, node)
}

/** Longer than it takes to evict a member, and to be of one mind again (findings 24, 51, 52, 54). */
const evictionMs = 8000
const reunionMs = 9500
const returnMs = 4000

const settle = ({ model, steps }: Drawing, minMs: number, expected: ReadonlyArray<Expected> = []): void => {
  steps.push({ kind: "settle", nodes: model.up(), minMs, expected })
}

/** What the members that are up will say without the others, and with all: of clusters that are in good order by the model. */
const expectedOf = ({ model }: Drawing, left: number): ReadonlyArray<Expected> =>
  [...model.clusters.values()].flatMap(({ name, members }) =>
    [...members]
      .filter((member) => model.state.get(member) === "up")
      .map((node) => ({
        node,
        cluster: name,
        status: "primary",
        size: left === 0 ? members.size : members.size - left,
      })),
  )

/** Members of any cluster beside `node`; whether the rest of each goes on without it. */
const restGoesOn = ({ model }: Drawing, node: number): boolean =>
  model.clustersOf(node).every(({ members }) => members.size > 2)

const mark = ({ model }: Drawing, node: number, state: "up" | "down" | "paused"): void => {
  model.state.set(node, state)
}

const isMember = ({ model }: Drawing, node: number): boolean => model.clustersOf(node).length > 0

const start = (drawing: Drawing, node: number, args: ReadonlyArray<string>): void => {
  drawing.steps.push({ kind: "start", node, args })
  mark(drawing, node, "up")
}

const killed = (drawing: Drawing, statements: Statements, node: number): void => {
  const { random, model, steps } = drawing
  steps.push({ kind: "kill", node })
  mark(drawing, node, "down")
  const survivors = model.up()
  if (random.chance(0.25)) statements(random.int(1, 2))
  if (survivors.length > 0 && isMember(drawing, node)) {
    const others = expectedOf(drawing, 1).filter(({ cluster }) => model.clusters.get(cluster)?.members.has(node))
    settle(drawing, evictionMs, restGoesOn(drawing, node) ? others : [])
  }
  const survivor = random.pick(survivors)
  const cluster = random.pick(model.clustersOf(node))
  if (survivor !== undefined && cluster?.members.has(survivor) === true && !restGoesOn(drawing, node)) {
    if (random.chance(0.4)) say(drawing, survivor, `SET CLUSTER ${cluster.name} GLOBAL 'pc.bootstrap' = 1`)
  }
  statements(random.int(1, 5))
  if (random.chance(0.08)) return
  start(drawing, node, random.chance(0.05) ? ["--new-cluster-force"] : [])
  settle(drawing, isMember(drawing, node) ? returnMs : 500, expectedOf(drawing, 0))
}

const stopped = (drawing: Drawing, statements: Statements, node: number): void => {
  const { random, model, steps } = drawing
  steps.push({ kind: "stop", node })
  mark(drawing, node, "down")
  if (model.up().length > 0) settle(drawing, 1200)
  statements(random.int(1, 5))
  if (random.chance(0.08)) return
  start(drawing, node, random.chance(0.05) ? ["--new-cluster"] : [])
  settle(drawing, isMember(drawing, node) ? returnMs : 500, expectedOf(drawing, 0))
}

const allStopped = (drawing: Drawing, statements: Statements): void => {
  const { random, model, steps } = drawing
  for (const node of random.shuffle(model.up())) {
    steps.push({ kind: random.chance(0.75) ? "stop" : "kill", node })
    mark(drawing, node, "down")
    if (model.up().length > 0 && random.chance(0.5)) {
      settle(drawing, evictionMs)
      statements(random.int(1, 2))
    }
  }
  for (const node of random.shuffle(model.nodes)) {
    start(drawing, node, random.chance(0.15) ? ["--new-cluster"] : [])
    settle(drawing, returnMs)
    statements(random.int(0, 2))
  }
}

const paused = (drawing: Drawing, statements: Statements, node: number): void => {
  const { random, model, steps } = drawing
  steps.push({ kind: "pause", node })
  mark(drawing, node, "paused")
  const isShort = random.chance(0.3)
  if (isShort) steps.push({ kind: "sleep", ms: random.int(300, 2000) })
  else if (model.up().length > 0) {
    settle(drawing, evictionMs)
    // Statements about clusters would wait for the stalled node (finding 21).
    statements(random.int(1, 3))
  }
  steps.push({ kind: "resume", node })
  mark(drawing, node, "up")
  settle(drawing, isShort ? 3000 : reunionMs + 3000, isShort ? [] : expectedOf(drawing, 0))
}

const partitioned = (drawing: Drawing, statements: Statements, node: number): void => {
  const { random, model, steps } = drawing
  const others = model.nodes.filter((other) => other !== node)
  const groups = random.chance(0.12) ? model.nodes.map((other) => [other]) : [[node], others]
  steps.push({ kind: "partition", groups })
  const isShort = random.chance(0.25)
  if (isShort) steps.push({ kind: "sleep", ms: random.int(200, 2500) })
  else {
    settle(drawing, evictionMs)
    statements(random.int(2, 5))
    // A partition that ends just after the eviction takes longer to heal, and not always the same way (finding 54).
    steps.push({ kind: "sleep", ms: 4000 })
  }
  steps.push({ kind: "heal" })
  settle(drawing, isShort ? 6000 : reunionMs, isShort ? [] : expectedOf(drawing, 0))
}
