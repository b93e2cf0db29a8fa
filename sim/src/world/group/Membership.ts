/** Who reaches whom among members, and what follows for the parts that they fall into. Pure but for `broken`. */
import type { Component } from "./Component.ts"
import type { Member } from "./Member.ts"

/** True if the two can exchange messages now. */
export type Linked = (a: string, b: string) => boolean

const pair = (a: Member, b: Member): string =>
  a.host.name < b.host.name ? `${a.host.name} ${b.host.name}` : `${b.host.name} ${a.host.name}`

// A member that is stuck in its state transfer still takes part in the group's messages (findings 49 and 59).
const answers = (a: Member, b: Member, linked: Linked): boolean =>
  !a.gone && !b.gone && a.host.running() && b.host.running() && linked(a.host.name, b.host.name)

/** Brings `component.broken` up to date. Answers how many connections broke or were mended. */
export const updateBroken = (
  component: Component,
  linked: Linked,
  nowMicros: number,
): { readonly broke: number; readonly mended: number } => {
  let broke = 0
  let mended = 0
  const members = component.members
  members.forEach((a, index) => {
    for (const b of members.slice(index + 1)) {
      const key = pair(a, b)
      const isBroken = !answers(a, b, linked)
      if (isBroken && !component.broken.has(key)) {
        component.broken.set(key, nowMicros)
        broke++
      } else if (!isBroken && component.broken.delete(key)) mended++
    }
  })
  return { broke, mended }
}

/** The parts into which the members fall if connections that broke before `sinceMicros` do not count. */
export const partsOf = (component: Component, sinceMicros: number): Array<Array<Member>> => {
  const left = new Set(component.members)
  const parts: Array<Array<Member>> = []
  for (const start of component.members) {
    if (!left.delete(start)) continue
    const part = [start]
    for (const member of part) {
      for (const other of left) {
        if ((component.broken.get(pair(member, other)) ?? Number.POSITIVE_INFINITY) > sinceMicros) {
          left.delete(other)
          part.push(other)
        }
      }
    }
    parts.push(component.members.filter((member) => part.includes(member)))
  }
  return parts
}

/** True if any member of one side reaches any of the other. */
export const meet = (a: ReadonlyArray<Member>, b: ReadonlyArray<Member>, linked: Linked): boolean =>
  a.some((one) => b.some((other) => answers(one, other, linked)))

/** True if any other hears what a member says as its last word; for a paused process it waits (finding 21). */
export const isHeard = (member: Member, others: ReadonlyArray<Member>, linked: Linked): boolean =>
  member.host.running() && others.some((other) => exists(other) && linked(member.host.name, other.host.name))

/** True if the part keeps the quorum of the last primary view. */
export const hasQuorum = (part: ReadonlyArray<Member>, quorumBase: ReadonlyArray<string>): boolean => {
  const present = quorumBase.filter((host) => part.some((member) => member.host.name === host)).length
  return present * 2 > quorumBase.length
}

/** True while the member's process lives and has not left. */
export const exists = (member: Member): boolean => member.host.exists() && !member.gone

/** The order of members in a view. */
export const byHost = (a: Member, b: Member): number => a.host.number - b.host.number
