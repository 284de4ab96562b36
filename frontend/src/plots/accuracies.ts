// How well an attack classifies single samples: a histogram, beside that of the retrained models.
import type { Plotting } from "./figure";

export interface Histogram {
  edges: number[];
  counts: number[];
}

export interface Bin {
  from: number;
  to: number;
  /** Of all samples, in [0, 1]. */
  share: number;
}

/** The bins as shares of their sum. */
export function binsOf({ edges, counts }: Histogram): Bin[] {
  const all = counts.reduce((sum, each) => sum + each, 0);
  return counts.map((each, index) => ({
    from: edges[index] ?? 0,
    to: edges[index + 1] ?? 1,
    share: all > 0 ? each / all : 0,
  }));
}

/** The ends of what is not empty, with chance inside. */
export function spanOf(bins: Bin[]): [number, number] {
  const full = bins.filter((bin) => bin.share > 0);
  return [Math.min(0.45, ...full.map((bin) => bin.from)), Math.max(0.55, ...full.map((bin) => bin.to))];
}

interface Drawn {
  bins: Bin[];
  retrained: Bin[];
}

export function drawAccuracies(plot: Plotting, width: number, { bins, retrained }: Drawn) {
  const [low, high] = spanOf([...bins, ...retrained]);
  const inside = (all: Bin[]) => all.filter((bin) => bin.to > low && bin.from <= high);
  return plot.plot({
    width: Math.min(width, 720),
    height: 300,
    marginLeft: 55,
    marginRight: 20,
    marginTop: 30,
    marginBottom: 50,
    x: {
      domain: [low, high],
      label: "Balanced accuracy on a sample; 0.5 is a coin",
      labelArrow: "none",
      labelAnchor: "center",
      labelOffset: 42,
    },
    y: {
      label: "↑ Share of samples",
      labelArrow: "none",
      grid: true,
      tickFormat: (share: number) => `${Math.round(100 * share)} %`,
    },
    marks: [
      plot.rectY(inside(bins), {
        x1: "from",
        x2: "to",
        y: "share",
        fill: "var(--accent)",
        fillOpacity: 0.55,
        inset: 0.5,
      }),
      plot.line(inside(retrained), {
        x: "from",
        y: "share",
        curve: "step-after",
        stroke: "var(--ink)",
        strokeWidth: 1.5,
      }),
      plot.ruleX([0.5], { stroke: "var(--edge)", strokeDasharray: "3 3" }),
      plot.ruleY([0], { stroke: "var(--edge)" }),
    ],
  });
}
