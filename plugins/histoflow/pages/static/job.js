// One job: how it is doing, what went in and came out, and its log as it grows.

import { address } from "./ask.js";
import { h, status } from "./elements.js";
import { duration, money, number, when } from "./format.js";
import { logPanel } from "./log.js";
import { panel } from "./panel.js";
import { readLink } from "./reader.js";

export function jobPage(kind, name) {
  document.title = `${name} · Histoflow`;
  let isOver = false;
  const facts = panel({
    id: "job",
    title: "The job",
    question: () => [`api/jobs/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`, {}],
    every: (job) => {
      isOver = job.is_over;
      return job.is_over ? 0 : 3;
    },
    show: contents,
  });
  return [
    h("header", {}, h("nav", { class: "back", "aria-label": "Back" }, h("a", { href: address("models") }, "← Breast cancer models")),
      h("h1", { class: "job-name" }, name), h("p", { class: "lead" }, `A ${kind.replace(/(?<=[a-z])(?=[A-Z])/g, " ").replace(/ ?job$/i, "").toLowerCase()} job. `, h("strong", {}, "Research software, not a diagnostic device."))),
    facts.element, logPanel(kind, name, () => isOver),
  ];
}

function contents(job) {
  const isBusy = job.secondary_status && job.secondary_status !== job.status;
  const facts = [
    ["Status", [status(job.status), isBusy ? ` ${job.secondary_status}` : ""]],
    ["Created", when(job.created)], ["Started", when(job.started)], ["Ended", when(job.ended)],
    ["Time limit", duration(job.limit_s)],
    ["Instances", job.instance_type ? `${job.instances} × ${job.instance_type}` : "–"],
    [job.is_over ? "Billed" : "Running for", job.billable_s === null ? "–" : `${duration(job.billable_s)} an instance`],
    ["Cost, estimated", job.cost_usd === null ? "unknown" : `${money(job.cost_usd)} at Amazon's list price`],
    ["Image", job.image && h("code", {}, job.image)],
    ["Model", job.model && h("code", {}, job.model)],
    ["Of the search", job.tuning_job && h("a", { href: address(`jobs/tuning/${job.tuning_job}`) }, job.tuning_job)],
    ["Found", job.kind === "tuning" && job.is_over && readLink(`tuning/${job.name}/tuning.html`, "Page of the search")],
    ["ARN", h("code", {}, job.arn)],
  ];
  return [
    job.note ? h("p", { class: job.status === "Failed" ? "problem" : "note" }, job.note) : null,
    h("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    job.best ? best(job.best) : null,
    pairs("Last metrics", Object.entries(job.metrics).map(([name, value]) => [name, number(value, 4)])),
    pairs("Hyperparameters", Object.entries(job.hyperparameters)),
    pairs("Inputs", job.inputs.map((one) => [one.name, one.uri])),
    pairs("Outputs", job.outputs.map((one) => [one.name, one.uri])),
  ];
}

function best(found) {
  const values = Object.entries(found.values).map(([name, value]) => h("code", { class: "value" }, `${name} ${value}`));
  return [h("h3", {}, "Best training job"), h("p", {}, h("a", { href: address(`jobs/training/${found.job}`) }, found.job), ` ${found.metric} ${number(found.objective, 4)} `, values)];
}

function pairs(title, entries) {
  if (!entries.length) return null;
  return h("details", { open: entries.length < 9 }, h("summary", {}, title), h("dl", {}, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, h("code", {}, value))])));
}
