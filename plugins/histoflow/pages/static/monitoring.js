// Monitoring: drift of patches and answers, and the metric on doctors' labels, day by day.

import { badge, h, head } from "./elements.js";
import { bounded, count, label } from "./format.js";
import { panel } from "./panel.js";
import { readLink } from "./reader.js";

const ADVICE = { keep: ["keep", "good"], retrain: ["train again", "warn"] };

export function monitoringPanel() {
  return panel({
    id: "monitoring",
    title: "Monitoring",
    lead: "The endpoint's requests and answers up to each day, compared with the model's evaluation, and the metric on doctors' labels.",
    question: () => ["api/monitoring", {}],
    every: () => 60,
    show: (found) => found.days.length
      ? [h("div", { class: "scroll" }, h("table", {},
          head(["Day", "Model<", "Patches", "Drifted<", "Labels", label(found.metric), "Advised<"]),
          h("tbody", {}, found.days.map((one) => row(one, found.metric))))),
        found.left_out ? h("p", { class: "empty" }, `${count(found.left_out)} earlier days are in the bucket, below monitoring/.`) : null]
      : h("p", { class: "empty" }, "No day has been monitored yet. idc_monitor runs every night."),
  });
}

function row(one, metric) {
  return h("tr", {},
    h("th", { scope: "row" }, readLink(`monitoring/${one.day}/report.html`, one.day), one.is_over ? null : [" ", badge("not over", "busy")]),
    h("td", { class: "text" }, one.model ? `${one.model.version} of ${one.model.partition}` : "none",
      one.model?.synthetic ? [" ", badge("SYNTHETIC", "warn")] : null),
    h("td", {}, count(one.patches)),
    h("td", { class: "text" }, one.drifted.length ? one.drifted.map((name) => name.replaceAll("_", " ")).join(", ") : "–"),
    h("td", {}, count(one.labels)),
    h("td", {}, bounded(metric, one.figure)),
    h("td", { class: "text" }, badge(...(ADVICE[one.outcome] ?? ["unknown", ""])),
      one.reasons.map((reason) => h("small", {}, reason))));
}
