/** Keeps a failure as a bundle: runs it once more with everything written down. */
import { type Bundle, gather, writeBundle } from "@shardwright/sim/bundle/Bundle"
import { page } from "@shardwright/sim/report/page"
import { Recorder } from "@shardwright/sim/report/Recorder"

/** Answers with the folder; undefined if the run passes this time. */
export const keepBundle = (
  run: Pick<Bundle, "scenario" | "seed" | "mode" | "found">,
  under: string,
): string | undefined => {
  const recorder = new Recorder()
  const bundle = gather(run, {
    inspector: recorder.inspector,
    report: (result) => page(recorder.recording(result, run.scenario.about, run.found)),
  })
  return bundle === undefined ? undefined : writeBundle(bundle, under)
}
