// A metric of every candidate over the partitions. The server draws the chart; this page reads it point by point.

import { h, head, s } from "./elements.js";
import { bounded, label } from "./format.js";
import { panel } from "./panel.js";

export function historyPanel({ choose, known }) {
  let metric = "";
  let isTableOpen = false;
  const made = panel({
    id: "history",
    title: "History",
    lead: "One metric over the partitions. Each partition has its own test patients.",
    question: () => ["api/partitions", { metric }],
    every: () => 60,
    show: (found) => {
      known(found.partitions.map((one) => one.partition));
      if (!found.chart) return h("p", { class: "empty" }, "No candidate has been evaluated yet.");
      const readout = h("p", { class: "readout", role: "status" });
      return [
        h("p", { class: "chooser" }, h("label", { for: "history-metric" }, "Metric"), chooser(found)),
        h("div", { class: "chart" }, picture(found, readout, choose)), readout,
        found.left_out ? h("p", { class: "note" }, `${found.left_out} older partitions are not drawn.`) : null,
        h("details", { open: isTableOpen, ontoggle: (event) => { isTableOpen = event.target.open; } },
          h("summary", {}, "Show as a table"), table(found)),
      ];
    },
  });

  function chooser(found) {
    const options = found.metrics.map((one) => h("option", { value: one.key, selected: one.key === found.metric.key }, label(one)));
    const select = h("select", { id: "history-metric", "data-key": "history-metric", onchange: () => {
      metric = select.value;
      made.again();
    } }, options);
    return select;
  }
  return made;
}

const figure = (found, partition, name) => partition.candidates.find((one) => one.name === name)?.metrics[found.metric.key];

/** The server's drawing as a slider: a cursor moves from partition to partition, and a text reads them. */
function picture(found, readout, choose) {
  const { partitions, metric, chart, names } = found;
  const svg = document.importNode(new DOMParser().parseFromString(chart.svg, "image/svg+xml").documentElement, true);
  const [left, top, right, bottom] = chart.box;
  const cursor = s("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
  const last = partitions.length - 1;
  const first = partitions[0].partition, newest = partitions[last].partition;
  const attributes = { tabindex: "0", role: "slider", "data-key": "history-chart", "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": last, "aria-valuetext": newest,
    "aria-label": `${label(metric)} from ${first} to ${newest}. Arrow keys read one partition after the other, Enter opens it.` };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  svg.removeAttribute("aria-hidden");
  svg.append(cursor);
  let at = last;
  const point = (to) => {
    at = Math.min(Math.max(to, 0), last);
    const x = left + ((at + 0.5) / partitions.length) * (right - left);
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, x);
    cursor.setAttribute("visibility", "visible");
    const said = names.map((name) => [name, figure(found, partitions[at], name)]).filter(([, one]) => one);
    readout.textContent = `${partitions[at].partition}: ${said.map(([name, one]) => `${name} ${bounded(metric, one)}`).join(", ")}`;
    svg.setAttribute("aria-valuenow", at);
    svg.setAttribute("aria-valuetext", readout.textContent);
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    point(Math.floor(((x - left) / (right - left)) * partitions.length));
  });
  // On a narrow screen the drawing is wider than its frame.
  const follow = () => {
    const frame = svg.parentElement;
    frame.scrollLeft = (cursor.x1.baseVal.value / svg.viewBox.baseVal.width) * frame.scrollWidth - frame.clientWidth / 2;
  };
  svg.addEventListener("focus", () => point(at));
  svg.addEventListener("click", () => choose(partitions[at].partition));
  svg.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
    if (event.key in moves) {
      point(moves[event.key]);
      follow();
    } else if (event.key === "Enter") choose(partitions[at].partition);
    else return;
    event.preventDefault();
  });
  return svg;
}

function table(found) {
  const { names, metric, partitions } = found;
  const cells = (partition) => names.map((name) => h("td", {}, bounded(metric, figure(found, partition, name))));
  return h("div", { class: "scroll" }, h("table", {}, h("caption", {}, label(metric)), head(["Partition", ...names]),
    h("tbody", {}, partitions.toReversed().map((one) => h("tr", {}, h("th", { scope: "row" }, one.partition), cells(one))))));
}
