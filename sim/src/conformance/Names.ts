/** Between the names of a transcript (`{n1}`, `{m1}`, `{data1}` …) and those of the simulated nodes. */

/** Host name of a node of the replayed cluster. */
export const nodeName = (number: number): string => `h${number}`

const binaryPort = 9312
const mysqlPort = 9306

/** Address of the binary listener. */
export const addressOf = (number: number): string => `${nodeName(number)}:${binaryPort}`

const dataDirectory = "/var/lib/manticore"

/** Puts the names of the simulated nodes in. */
export const toSimulated = (text: string): string =>
  text.includes("{")
    ? text
        .replace(/\{n(\d+)\}/g, (_, number: string) => addressOf(Number(number)))
        .replace(/\{m(\d+)\}/g, (_, number: string) => `${nodeName(Number(number))}:${mysqlPort}`)
        .replace(/\{r(\d+)\}/g, (_, number: string) => `${nodeName(Number(number))}:${binaryPort + 1}`)
        .replace(/\{a(\d+)\}/g, (_, number: string) => nodeName(Number(number)))
        .replace(/\{data(\d+)\}/g, (_, number: string) => `${dataDirectory}/${nodeName(Number(number))}`)
        .replace(/\{dir(\d+)\}/g, dataDirectory)
    : text

/** Puts the names of the transcript back in. */
export const toRecorded = (text: string): string =>
  text
    .replace(/\/var\/lib\/manticore\/h(\d+)/g, "{data$1}")
    .replace(/\bh(\d+):(\d+)/g, (_, number: string, port: string) =>
      Number(port) === binaryPort ? `{n${number}}` : Number(port) === mysqlPort ? `{m${number}}` : `{r${number}}`,
    )
