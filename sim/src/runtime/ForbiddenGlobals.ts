/**
 * Real time, real chance and real asynchrony, closed while a simulation is on the stack: a run that read one of them
 * would differ from its replay. They throw only then; everybody else on the thread finds them as they were.
 */

type Holder = object
type Restore = () => void

const refusal = (name: string) => (): never => {
  throw new Error(`${name} was called inside of a simulation, where only virtual time and seeded streams exist`)
}

const replace = (holder: Holder, property: string, value: unknown): Restore => {
  const before = Object.getOwnPropertyDescriptor(holder, property)
  Object.defineProperty(holder, property, { value, configurable: true, writable: true, enumerable: before?.enumerable ?? true })
  return () => {
    if (before === undefined) Reflect.deleteProperty(holder, property)
    else Object.defineProperty(holder, property, before)
  }
}

const functions: ReadonlyArray<readonly [Holder, string, string]> = [
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
  [Promise.prototype, "then", "Promise.then"],
]

const RealDate = Date
const refuseNow = refusal("new Date()")
/** Dates of a given instant are values; only the one that asks for the present is refused. */
const TimelessDate = new Proxy(RealDate, {
  construct: (target, parameters, newTarget) =>
    parameters.length === 0 ? refuseNow() : (Reflect.construct(target, parameters, newTarget) as object),
  apply: refuseNow,
})

/** Closes the globals; the answer opens them again. */
export const forbidGlobals = (): Restore => {
  const restores = functions.map(([holder, property, name]) => replace(holder, property, refusal(name)))
  restores.push(replace(globalThis, "Date", TimelessDate))
  return () => {
    for (const restore of restores.reverse()) restore()
  }
}
