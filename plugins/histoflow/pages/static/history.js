// A metric of every candidate over the partitions; the champion's with its bounds.

import { h, head, replace, s } from "./elements.js";
import { bounded, label, number } from "./format.js";
import { scale } from "./intervals.js";
import { panel } from "./panel.js";

const WIDTH = 900, HEIGHT = 280, LEFT = 46, RIGHT = 16, TOP = 12, BOTTOM = 40;
const ORDER = ["builtin-lowlevel", "builtin-sdk", "tensorflow", "mxnet", "champion"];

export function historyPanel({ choose, known }) {
  let metric = "balanced_accuracy";
  let latest;
  const chart = h("div", { class: "chart" });
  const select = h("select", { id: "history-metric", onchange: () => { metric = select.value; draw(); } });
  const readout = h("p", { class: "readout", role: "status" });
  const draw = () => replace(chart, latest ? picture(latest, metric, readout, choose) : []);
  const made = panel({
    id: "history",
    title: "History",
    lead: "The same metric over the partitions, on each one's test patients.",
    question: () => ["api/partitions", {}],
    every: () => 60,
    show: (found) => {
      latest = found.partitions;
      known(latest.map((one) => one.partition));
      const names = [...new Set(latest.flatMap((one) => one.candidates.flatMap((each) => Object.keys(each.metrics))))];
      if (!names.length) return h("p", { class: "empty" }, "No candidate has been evaluated yet.");
      if (!names.includes(metric)) metric = names[0];
      replace(select, names.map((name) => h("option", { value: name, selected: name === metric }, label(name))));
      draw();
      return [
        h("p", { class: "chooser" }, h("label", { for: "history-metric" }, "Metric"), select),
        legend(latest), chart, readout,
        found.left_out ? h("p", { class: "note" }, `${found.left_out} older partitions are not drawn.`) : null,
        numbers(latest, () => metric),
      ];
    },
  });
  return made;
}

const present = (partitions) => ORDER.filter((name) => partitions.some((one) => one.candidates.some((each) => each.name === name)));
const of = (partition, name, metric) => partition.candidates.find((one) => one.name === name)?.metrics[metric];

function legend(partitions) {
  return h("ul", { class: "legend" }, present(partitions).map((name) => h("li", { class: `series ${name}` }, name)));
}

function picture(partitions, metric, readout, choose) {
  const values = partitions.flatMap((one) => one.candidates.flatMap((each) => numbersOf(each.metrics[metric])));
  if (!values.length) return [];
  const { from, to, ticks, digits } = scale(values);
  const last = Math.max(partitions.length - 1, 1);
  const x = (at) => LEFT + (at / last) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((to - value) / (to - from)) * (HEIGHT - TOP - BOTTOM);
  const every = Math.ceil(partitions.length / 12);
  const grid = [
    ticks.map((at) => [s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }),
      s("text", { class: "tick", x: LEFT - 8, y: y(at) + 4, "text-anchor": "end" }, number(at, digits))]),
    partitions.map((one, at) => at % every ? null : s("text", { class: "tick", x: x(at), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, one.partition)),
  ];
  const lines = present(partitions).map((name) => series(partitions, name, metric, x, y));
  const cursor = s("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const first = partitions[0].partition, newest = partitions.at(-1).partition;
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: "0", role: "slider", "aria-valuemin": 0, "aria-valuemax": partitions.length - 1,
    "aria-valuenow": partitions.length - 1, "aria-valuetext": newest,
    "aria-label": `${label(metric)} from ${first} to ${newest}. Arrow keys read one partition after the other, Enter opens it.` }, grid, lines, cursor);
  let at = partitions.length - 1;
  const point = (to) => {
    at = Math.min(Math.max(to, 0), partitions.length - 1);
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(at));
    cursor.setAttribute("visibility", "visible");
    const said = present(partitions).map((name) => [name, of(partitions[at], name, metric)]).filter(([, found]) => found);
    readout.textContent = `${partitions[at].partition}: ${said.map(([name, found]) => `${name} ${bounded(found)}`).join(", ")}`;
    svg.setAttribute("aria-valuenow", at);
    svg.setAttribute("aria-valuetext", readout.textContent);
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    point(Math.round((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT) * last));
  });
  svg.addEventListener("focus", () => point(at));
  svg.addEventListener("click", () => choose(partitions[at].partition));
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: partitions.length - 1 };
    if (event.key in moves) point(moves[event.key]);
    else if (event.key === "Enter") choose(partitions[at].partition);
    else return;
    event.preventDefault();
  });
  return [svg];
}

const numbersOf = (metric) => Object.values(metric ?? {}).filter((value) => typeof value === "number");

function series(partitions, name, metric, x, y) {
  const points = partitions.map((one, at) => [at, of(one, name, metric)]).filter(([, found]) => typeof found?.value === "number");
  const line = points.map(([at, found], place) => `${place ? "L" : "M"}${x(at)},${y(found.value)}`).join("");
  const bounds = points.filter(([, found]) => typeof found.low === "number");
  const band = name === "champion" && bounds.length > 1
    ? s("polygon", { class: "band", points: [...bounds.map(([at, found]) => `${x(at)},${y(found.high)}`), ...bounds.reverse().map(([at, found]) => `${x(at)},${y(found.low)}`)].join(" ") })
    : null;
  return s("g", { class: `series ${name}` }, band, s("path", { class: "line", d: line }), points.map(([at, found]) => s("circle", { cx: x(at), cy: y(found.value), r: 2.6 })));
}

function numbers(partitions, metric) {
  const body = h("div", {});
  const names = present(partitions);
  const fill = () => replace(body, h("div", { class: "scroll" }, h("table", {}, h("caption", {}, label(metric())),
    head(["Partition", ...names]),
    h("tbody", {}, partitions.toReversed().map((one) => h("tr", {}, h("th", { scope: "row" }, one.partition),
      names.map((name) => h("td", {}, bounded(of(one, name, metric())))))))))); 
  return h("details", { ontoggle: fill }, h("summary", {}, "The same as a table"), body);
}
