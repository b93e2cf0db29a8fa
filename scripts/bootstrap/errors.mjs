// How the bootstrap fails: exit codes as the whole command line has them, and what a failed npm or pnpm run means.

import { pnpmVersion } from "./versions.mjs"

/** The exit codes of the command line that the bootstrap can end with; all of them are in the README. */
export const exitCodes = { badInput: 2, unreachable: 5, bug: 70 }

/** A failure that a person can do something about: printed without a stack. */
export class BootstrapError extends Error {
  /**
   * @param {number} exitCode
   * @param {string} message
   */
  constructor(exitCode, message) {
    super(message)
    this.name = "BootstrapError"
    this.exitCode = exitCode
  }
}

const networkSigns =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EPIPE|ERR_SOCKET_TIMEOUT|FETCH_ERROR|UND_ERR_\w+|ENOTCACHED|E429|E5\d\d|E40[137]|UNABLE_TO_\w+|SELF_SIGNED_CERT\w*|CERT_\w+|ERR_PNPM_(META_FETCH_FAIL|FETCH_\w+|NO_OFFLINE_\w+|TARBALL_FETCH\w*))\b|getaddrinfo|socket hang up|network|dns error|error sending request|connection (refused|reset|closed)|timed? ?out|certificate/i
const staleLockSigns = /ERR_PNPM_(OUTDATED_LOCKFILE|FROZEN_LOCKFILE\w*|NO_LOCKFILE|LOCKFILE_\w+)|frozen-lockfile/
const machineSigns = /\b(ENOSPC|EACCES|EPERM|EROFS|EDQUOT|EMFILE)\b/

/**
 * What a failed installation means for the person in front of it.
 *
 * @param {string} output everything that npm or pnpm printed
 * @returns {{ exitCode: number, cause: string, advice: string }}
 */
export function explainInstallFailure(output) {
  if (staleLockSigns.test(output)) {
    return {
      exitCode: exitCodes.badInput,
      cause: "pnpm-lock.yaml does not match the package.json files",
      advice: `after changing dependencies run \`npx pnpm@${pnpmVersion} install\` and commit pnpm-lock.yaml`,
    }
  }
  if (machineSigns.test(output)) {
    return {
      exitCode: exitCodes.badInput,
      cause: "the files could not be written",
      advice: "check free disk space and that this checkout is writable for you, then run the same command again",
    }
  }
  if (networkSigns.test(output)) {
    return {
      exitCode: exitCodes.unreachable,
      cause: "the package registry could not be reached or refused",
      advice:
        "check the network, proxy and registry settings (`npm config get registry`, `npm ping`), then run the same command again: it goes on where it stopped",
    }
  }
  return {
    exitCode: exitCodes.bug,
    cause: "the installation failed for a reason we did not foresee",
    advice: "remove node_modules and .runtime and run the same command again; if it still fails, please report it",
  }
}
