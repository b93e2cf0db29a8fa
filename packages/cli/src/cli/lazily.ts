/**
 * Code that is loaded when it is needed: no command pays for the others, and those for real clusters never load the simulator.
 */
import * as Effect from "effect/Effect"

/** A handler whose module is loaded when it is called. A module that does not load is a bug of ours, and no error to handle. */
export const lazily =
  <Options, A, E, R>(module: () => Promise<(options: Options) => Effect.Effect<A, E, R>>) =>
  (options: Options): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.promise(module), (handler) => handler(options))
