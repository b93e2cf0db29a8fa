/**
 * Real time, real chance and real asynchrony, closed while a simulation is on the stack: a run that read one of them
 * would differ from its replay. They throw only then; everybody else on the thread finds them as they were.
 *
 * Guards are put in place once for a whole session, by plain assignment, and a flag says whether they refuse: anything
 * that redefines properties of `Math` or `Date` again and again throws away the code that was compiled for them.
 */

let refusing = false
let sessions = 0
let restores: ReadonlyArray<() => void> = []

type AnyFunction = (this: unknown, ...parameters: Array<unknown>) => unknown

const refuse = (name: string): never => {
  throw new Error(`${name} was called inside of a simulation, where only virtual time and seeded streams exist`)
}

const guard = (holder: object, property: string, name: string): (() => void) => {
  const target = holder as Record<string, unknown> // the caller names a function of the holder
  const original = target[property] as AnyFunction
  const own = Object.hasOwn(holder, property)
  target[property] = function (this: unknown, ...parameters: Array<unknown>): unknown {
    return refusing ? refuse(name) : original.apply(this, parameters)
  }
  return () => {
    if (own) target[property] = original
    else Reflect.deleteProperty(target, property)
  }
}

const guardDate = (): (() => void) => {
  const original = globalThis.Date
  // Dates of a given instant are values; only the one that asks for the present is refused.
  globalThis.Date = new Proxy(original, {
    construct: (target, parameters, newTarget) =>
      refusing && parameters.length === 0
        ? refuse("new Date()")
        : (Reflect.construct(target, parameters, newTarget) as object),
    apply: (target) => (refusing ? refuse("Date()") : target()),
  })
  return () => {
    globalThis.Date = original
  }
}

const functions: ReadonlyArray<readonly [object, string, string]> = [
  [Date, "now", "Date.now"],
  [Math, "random", "Math.random"],
  [performance, "now", "performance.now"],
  [process.hrtime, "bigint", "process.hrtime.bigint"],
  [process, "nextTick", "process.nextTick"],
  [crypto, "getRandomValues", "crypto.getRandomValues"],
  [crypto, "randomUUID", "crypto.randomUUID"],
  [globalThis, "setTimeout", "setTimeout"],
  [globalThis, "setInterval", "setInterval"],
  [globalThis, "setImmediate", "setImmediate"],
  [globalThis, "queueMicrotask", "queueMicrotask"],
]

/** Keeps the guards in place for the time of many runs. They refuse inside of `insideSimulation` only. */
export const guardedSession = <A>(body: () => A): A => {
  if (sessions++ === 0)
    restores = [...functions.map(([holder, property, name]) => guard(holder, property, name)), guardDate()]
  try {
    return body()
  } finally {
    if (--sessions === 0) for (const restore of restores) restore()
  }
}

const withRefusal = <A>(value: boolean, body: () => A): A => {
  const before = refusing
  refusing = value
  try {
    return body()
  } finally {
    refusing = before
  }
}

/** Runs a part of a simulation: global sources of time, chance and asynchrony throw meanwhile. */
export const insideSimulation = <A>(body: () => A): A => guardedSession(() => withRefusal(true, body))

/** Runs somebody else's code from inside of a simulation, such as a listener that writes to a file. */
export const outsideSimulation = <A>(body: () => A): A => withRefusal(false, body)
