/** The page has uPlot's own script before this one. */
import type uPlotClass from "uplot"

declare global {
  const uPlot: typeof uPlotClass
}
