/**
 * Workflow commands of GitHub Actions: a failure shows where the change is reviewed. Both output streams are read for
 * them, so they go to standard error, beside the notes for people.
 */

/** A failure, for a reviewer. */
export interface Annotation {
  readonly title: string
  readonly message: string
  /** Path from the root of the repository; null: it belongs to no file. */
  readonly file: string | null
}

const escape = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A")
const escapeProperty = (text: string): string => escape(text).replaceAll(":", "%3A").replaceAll(",", "%2C")

/** The line that makes it show. */
export const annotationLine = ({ title, message, file }: Annotation): string => {
  const place = file === null ? "" : `file=${escapeProperty(file)},line=1,`
  return `::error ${place}title=${escapeProperty(title)}::${escape(message)}`
}

/** Notes the failure where a workflow runs, and nowhere else. */
export const annotate = (note: (line: string) => void, annotation: Annotation): void => {
  if (process.env["GITHUB_ACTIONS"] === "true") note(annotationLine(annotation))
}
