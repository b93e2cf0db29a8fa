import { refused } from "@shardwright/core/Answer"
import type { Deliver, ServerSession } from "./ServerSession.ts"
import type { Delete, Insert, Select, Update } from "./sql/Statement.ts"
import type { Wrapper } from "./storage/Wrapper.ts"
export const executeWrapper = (_session: ServerSession, _wrapper: Wrapper, _statement: Select | Insert | Update | Delete, deliver: Deliver): void => {
  deliver(refused("not simulated: wrappers"), 0)
}
