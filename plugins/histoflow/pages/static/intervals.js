// One metric of all candidates: a dot for the value, a line for its 95 % bounds. The table says the same.

import { h, s } from "./elements.js";
import { bounded, label, number } from "./format.js";

const LEFT = 112, WIDTH = 340, ROW = 24, TOP = 8;

/** Round ends and steps of an axis that holds all of the values. */
function scale(values, low = 0, high = 1) {
  const least = Math.min(...values), most = Math.max(...values);
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.25].find((one) => (most - least) / one <= 5) ?? 0.5;
  const from = Math.max(low, Math.floor(least / step - 1e-9) * step), to = Math.min(high, Math.ceil(most / step + 1e-9) * step);
  const end = to > from ? to : from + step;
  const ticks = [];
  for (let at = from; at <= end + 1e-9; at += step) ticks.push(at);
  return { from, to: end, ticks, digits: step < 0.1 ? 2 : 1 };
}

/** The figures of one metric, a row of the table of metrics. */
export function intervals(metric, candidates) {
  const own = candidates.filter((one) => typeof one.test.metrics[metric.key]?.value === "number");
  if (!own.length) return null;
  const values = own.flatMap((one) => Object.values(one.test.metrics[metric.key])).filter((value) => typeof value === "number");
  const { from, to, ticks, digits } = scale(values);
  const x = (value) => LEFT + ((value - from) / (to - from)) * (WIDTH - LEFT - 14);
  const bottom = TOP + own.length * ROW;
  const grid = ticks.map((at) => [
    s("line", { class: "grid", x1: x(at), x2: x(at), y1: TOP, y2: bottom }),
    s("text", { class: "tick", x: x(at), y: bottom + 14, "text-anchor": "middle" }, number(at, digits)),
  ]);
  const rows = own.map((one, row) => {
    const found = one.test.metrics[metric.key], y = TOP + (row + 0.5) * ROW;
    const line = typeof found.low === "number" ? s("line", { class: "bounds", x1: x(found.low), x2: x(found.high), y1: y, y2: y }) : null;
    return s("g", { class: `series ${one.name}` }, s("title", {}, `${one.name}: ${bounded(metric, found)}`),
      s("text", { class: "name", x: LEFT - 10, y: y + 4, "text-anchor": "end" }, one.name), line,
      s("circle", { cx: x(found.value), cy: y, r: 4.5 }));
  });
  const spoken = own.map((one) => `${one.name} ${bounded(metric, one.test.metrics[metric.key])}`).join("; ");
  return h("figure", {}, h("figcaption", {}, label(metric)),
    s("svg", { viewBox: `0 0 ${WIDTH} ${bottom + 20}`, role: "img", "aria-label": `${label(metric)}: ${spoken}` }, grid, rows));
}
