/**
 * Flags of the commands for a real cluster, apart from what reads them: the tree of commands is there before any of them runs.
 */
import * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { jsonFlag, parseAddress, parseCluster, parsedFlag, parseLength } from "../cli/Values.ts"

/** Flags of every command that talks to a cluster. */
export const connectionFlags = {
  connect: parsedFlag(
    "connect",
    "HOST:PORT",
    "MySQL listener of any node; 127.0.0.1:9306 by default",
    parseAddress,
  ).pipe(Flag.optional),
  config: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "Configuration of a runner: its daemon, cluster, user, password and TLS, unless flags say otherwise",
    ),
    Flag.optional,
  ),
  cluster: parsedFlag(
    "cluster",
    "NAME",
    "The coordination cluster; by default the one that holds the records, else c",
    parseCluster,
  ).pipe(Flag.optional),
  user: Flag.String("user").pipe(Flag.withMetavar("NAME"), Flag.withDescription("User of the daemons"), Flag.optional),
  json: jsonFlag,
}

/** What the flags say. */
export interface ConnectionOptions {
  readonly connect: Option.Option<string>
  readonly config: Option.Option<string>
  readonly cluster: Option.Option<string>
  readonly user: Option.Option<string>
  readonly json: boolean
}

/** Flags of every command that changes something. */
export const requestFlags = {
  reason: Flag.String("reason").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("Why; it is kept in the history"),
    Flag.withDefault(""),
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Show the plan with its cost and reasons, and do nothing"),
    Flag.withDefault(false),
    Flag.withoutNegation,
  ),
  approval: Flag.Boolean("approval").pipe(
    Flag.withDescription("Draft the plan only: it waits for `operation approve`"),
    Flag.withDefault(false),
    Flag.withoutNegation,
  ),
  timeout: parsedFlag(
    "timeout",
    "TIME",
    "How long to wait for the end; 5m by default. What was begun goes on all the same",
    parseLength,
  ).pipe(Flag.withDefault(Duration.minutes(5))),
}

/** What the flags say. */
export interface RequestOptions extends ConnectionOptions {
  readonly reason: string
  readonly dryRun: boolean
  readonly approval: boolean
  readonly timeout: Duration.Duration
}

/** `--yes` */
export const yesFlag = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do not ask for confirmation at a terminal"),
  Flag.withDefault(false),
  Flag.withoutNegation,
)

/** All flags of a command that asks for something. */
export const asking = { ...connectionFlags, ...requestFlags }

/** The same for what cannot be taken back. */
export const confirming = { ...asking, yes: yesFlag }

/** A node, for commands that take one. */
export const nodeArgument = Argument.String("node").pipe(
  Argument.withDescription("A node: the address of its binary listener"),
)

/** What a command that cannot be taken back was told in advance. */
export interface Confirmed {
  readonly yes: boolean
}
