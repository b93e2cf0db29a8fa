/**
 * The connection to the daemons of a cluster, as a configuration file describes it.
 */
import type { Endpoint } from "@shardwright/manticore/ConnectionPool"
import { endpoints } from "@shardwright/manticore/Listeners"
import * as MysqlManticore from "@shardwright/manticore/MysqlManticore"
import type { Config } from "./Config.ts"

/** Where `host:port` is. */
export const splitAddress = (address: string): Endpoint => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) }
}

/** As whom a daemon is asked, and how. */
export const credentialsOf = ({ password, tls, user }: Config) => ({
  ...(user === undefined ? {} : { user }),
  ...(password === undefined ? {} : { password }),
  ...(tls === undefined ? {} : { tls: definedOnly(tls) }),
})

/** Without keys that have no value. */
const definedOnly = (tls: NonNullable<Config["tls"]>): { ca?: string; cert?: string; key?: string } =>
  Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))

/** Nodes whose MySQL listeners the file names. */
export const endpointsOf = ({ peers }: Config): Map<string, Endpoint> => {
  const known = new Map<string, Endpoint>()
  for (const [node, { mysql }] of Object.entries(peers ?? {}))
    if (mysql !== undefined) known.set(node, splitAddress(mysql))
  return known
}

/** The connection to all nodes. The own one is known by its listener before its name is. */
export const openManticore = (config: Config, own: string) => {
  const known = new Map([[own, splitAddress(config.mysql)], ...endpointsOf(config)])
  const credentials = credentialsOf(config)
  return MysqlManticore.make({ ...endpoints({ known, credentials }), credentials })
}
