// Tuning: the hyperparameters of each variant's next training, and earlier results.

import { badge, h, head } from "./elements.js";
import { number } from "./format.js";
import { panel } from "./panel.js";
import { readLink } from "./reader.js";

export function tuningPanel() {
  return panel({
    id: "tuning",
    title: "Tuning",
    lead: "Best hyperparameters of each search. The next training of a variant takes the present ones.",
    question: () => ["api/tuning", {}],
    every: () => 60,
    show: (found) => found.variants.length
      ? h("div", { class: "scroll" }, h("table", {},
          head(["Variant", "Partition", "Objective", "Best values<", "Search<"]),
          h("tbody", {}, found.variants.map((one) => [
            one.current ? row(one.variant, one.current, true) : h("tr", {}, h("th", { scope: "row" }, one.variant), h("td", { class: "text", colspan: 4 }, "values of the settings")),
            one.history.map((before) => row(one.variant, before, false))]))))
      : h("p", { class: "empty" }, "Nothing has been tuned yet: trainings take the values of the settings. Run idc_tune to search."),
  });
}

function row(variant, tuned, isCurrent) {
  const values = Object.entries(tuned.hyperparameters ?? {}).map(([name, value]) => h("code", { class: "value" }, `${name} ${typeof value === "number" ? Number(value.toPrecision(4)) : value}`));
  return h("tr", { class: isCurrent ? "" : "past" },
    h("th", { scope: "row" }, variant, " ", isCurrent ? badge("present", "good") : null, tuned.synthetic ? badge("SYNTHETIC", "warn") : null),
    h("td", {}, tuned.partition ?? "–"),
    h("td", {}, h("b", {}, number(tuned.objective, 4)), h("small", {}, tuned.metric)),
    h("td", { class: "text" }, values),
    h("td", { class: "text" }, tuned.tuning_job ? readLink(`tuning/${tuned.tuning_job}/tuning.html`, tuned.tuning_job) : "–"));
}
