// One partition: what was decided, the candidates with their metrics and bounds, and what there is to read.

import { address } from "./ask.js";
import { badge, h, replace } from "./elements.js";
import { bounded, count, duration, label, number, short } from "./format.js";
import { intervals } from "./intervals.js";
import { panel } from "./panel.js";
import { readLink } from "./reader.js";

const NAMES = { "report.html": "Report", "card.html": "Model card", "metrics.json": "Metrics (JSON)" };

export function partitionPanel(wanted, onShow) {
  let chosen = wanted;
  const select = h("select", { id: "partition-choice", onchange: () => choose(select.value) });
  const chooser = h("p", { class: "chooser" }, h("label", { for: "partition-choice" }, "Partition"), select);
  const made = panel({
    id: "partition",
    title: "Candidates",
    lead: "Measured on test patients that no candidate has seen, with 95 % bounds over patients.",
    question: () => (chosen ? [`api/partitions/${encodeURIComponent(chosen)}`, {}] : ["api/partitions", {}]),
    every: (found) => (found.partition ? 30 : 15),
    show: (found) => {
      if (found.partition) {
        onShow(found);
        return contents(found);
      }
      const newest = found.partitions.at(-1)?.partition;
      if (newest) queueMicrotask(() => choose(newest));
      return h("p", { class: "empty" }, newest ? "Loading …" : "No partition has a candidate yet. Run idc_ingest or make demo.");
    },
  });
  made.heading.after(chooser);
  chooser.hidden = true;

  function choose(partition) {
    chosen = partition;
    if (select.value !== partition) select.value = partition;
    made.again();
  }

  /** Offer these partitions, newest first. */
  function offer(partitions) {
    chooser.hidden = !partitions.length;
    const names = new Set([...partitions, ...(chosen ? [chosen] : [])]);
    replace(select, [...names].sort().reverse().map((name) => h("option", { value: name, selected: name === chosen }, name)));
  }
  return { element: made.element, choose, offer };
}

function contents(found) {
  if (!found.candidates.length) return h("p", { class: "empty" }, `No candidate of ${found.partition}. Run idc_train for it.`);
  const measured = found.candidates.filter((one) => Object.keys(one.test.metrics).length);
  return [
    decision(found),
    measured.length ? h("div", { class: "plots" }, found.metrics.filter(({ key }) => found.plotted.includes(key)).map((metric) => intervals(metric, measured))) : null,
    table(found),
    h("p", { class: "note" }, patients(found), " ",
      found.datasets.map((digest) => [readLink(`datasets/${digest}/report.html`, `Dataset report ${short(digest)}`, { partition: found.partition }), " "])),
  ];
}

function patients(found) {
  const [one] = found.candidates.filter((candidate) => candidate.test.patients);
  return one ? `${count(one.test.patients)} test patients, ${count(one.test.patches)} patches.` : "";
}

function decision({ decision: made }) {
  if (!made) return h("p", { class: "note" }, "No decision about this partition yet.");
  const [word, tone] = outcome(made);
  const reasons = [made.reasons ?? []].flat().map((reason) => h("li", {}, sentence(reason)));
  const gates = [made.gates ?? []].flat().map((gate) => h("li", { class: gate.is_passed ? "passed" : "missed" },
    `${gate.name} ${gate.is_passed ? "passed" : "missed"}: ${gate.observed}, required ${gate.required}`));
  return h("div", { class: "decision" },
    h("p", {}, "Decision: ", badge(word, tone), " ", made.variant ? h("strong", {}, made.variant) : null,
      made.result?.version ? ` as ${made.result.version}` : "", " ", made.is_waived ? badge("gates waived", "warn") : null),
    h("ul", {}, reasons), gates.length ? h("ul", { class: "gates" }, gates) : null);
}

/** The outcome of a decision as a word and a tone; a decision may still have to be carried out. */
function outcome(made) {
  if (made.rollback) return ["rolled back", "bad"];
  if (made.outcome !== "deploy") return ["champion kept", ""];
  return made.result && !made.result.is_deployed ? ["not deployed", "warn"] : made.result ? ["deployed", "good"] : ["to be deployed", "busy"];
}

const sentence = (reason) =>
  typeof reason === "string" ? reason : reason?.text ?? Object.entries(reason ?? {}).map(([name, value]) => `${name}: ${value}`).join(", ");

function table(found) {
  const heads = found.candidates.map((one) => h("th", { scope: "col" },
    one.name, one.name === "champion" ? h("small", {}, `${one.variant}, serving when evaluated`) : null,
    one.same_training.length ? h("small", {}, `same training job as ${one.same_training.join(", ")}`) : null,
    found.decision?.variant === one.name ? badge(...outcome(found.decision)) : null));
  const rows = found.metrics.map((metric) => h("tr", {}, h("th", { scope: "row" }, label(metric)),
    found.candidates.map((one) => cell(metric, one.test.metrics[metric.key]))));
  const facts = [
    [`${label(found.decides)}, difference to the champion`, (one) => difference(found.decides, one.comparison)],
    ["Threshold (calibrated)", (one) => number(one.threshold)],
    ["Trained in", (one) => duration(one.run_s)],
    ["Read", (one) => documents(found.partition, one)],
  ].map(([name, of]) => h("tr", { class: "fact" }, h("th", { scope: "row" }, name), found.candidates.map((one) => h("td", {}, of(one)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Metrics of the candidates" },
    h("table", {}, h("caption", {}, `Partition ${found.partition}: each value with its 95 % bounds`),
      h("thead", {}, h("tr", {}, h("td", {}), heads)), h("tbody", {}, rows, facts)));
}

function cell(metric, figure) {
  if (!figure) return h("td", {}, "–");
  const hasBounds = figure.low !== null && figure.low !== undefined;
  const { digits } = metric;
  return h("td", { title: bounded(metric, figure) }, h("b", {}, number(figure.value, digits)),
    h("small", {}, hasBounds ? `${number(figure.low, digits)} – ${number(figure.high, digits)}` : "no bounds"));
}

function difference({ key, digits }, comparison) {
  const by = comparison?.[key];
  if (!by) return "–";
  const sign = by.difference > 0 ? "+" : "";
  return [`${sign}${number(by.difference, digits)}`, h("small", {}, `${number(by.low, digits)} to ${number(by.high, digits)}`)];
}

function documents(partition, one) {
  const base = `candidates/${partition}/${one.name}`;
  const from = { partition };
  const pages = one.pages.filter((name) => NAMES[name]).map((name) =>
    name.endsWith(".html") ? readLink(`${base}/${name}`, NAMES[name], from) : h("a", { href: address(`${base}/${name}`), download: `${partition}-${one.name}-${name}` }, NAMES[name]));
  const job = one.training_job ? h("a", { href: address(`jobs/training/${one.training_job}`) }, "Training job") : null;
  const tuned = one.tuning_job ? readLink(`tuning/${one.tuning_job}/tuning.html`, "Tuning", from) : null;
  const maps = one.heatmaps.length
    ? h("details", {}, h("summary", {}, `${one.heatmaps.length} heatmaps`),
        one.heatmaps.map((name) => readLink(`${base}/heatmaps/${name}`, name.replace(".png", ""), from)))
    : null;
  return h("div", { class: "documents" }, pages, job, tuned, maps);
}
