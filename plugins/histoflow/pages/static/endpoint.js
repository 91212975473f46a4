// The endpoint: whether it serves, which model versions with which share of the traffic, and what was registered.

import { address } from "./ask.js";
import { badge, h, head, status } from "./elements.js";
import { count, number, when } from "./format.js";
import { panel, problems } from "./panel.js";

const BUSY = ["Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"];

export function endpointPanel() {
  return panel({
    id: "endpoint",
    title: "Endpoint",
    lead: "The variants in service, and the model versions in the registry.",
    question: () => ["api/endpoint", {}],
    every: (found) => (BUSY.includes(found.endpoint?.status) ? 3 : 15),
    show: (found) => [problems(found.problems), serving(found), versions(found.versions)],
  });
}

function serving({ endpoint, name, problems: wrong }) {
  if (!endpoint) return wrong.length ? null : h("p", { class: "empty" }, `No endpoint ${name}. idc_deploy creates it.`);
  const total = endpoint.variants.filter((one) => one.role === "serving").reduce((sum, one) => sum + (one.weight ?? 0), 0);
  return [
    h("p", { class: "state" }, status(endpoint.status), " ", h("strong", {}, endpoint.name), ` since ${when(endpoint.modified)}`,
      endpoint.captures_data ? " · data capture on" : "", endpoint.pending_config ? " · a new configuration is being rolled out" : ""),
    endpoint.failure_reason ? h("p", { class: "problem" }, endpoint.failure_reason) : null,
    h("div", { class: "scroll" }, h("table", {}, h("caption", {}, "Variants"),
      head(["Variant", "Model version<", "Traffic", "Instances", "Type"]),
      h("tbody", {}, endpoint.variants.map((one) => variant(one, total))))),
  ];
}

function variant(one, total) {
  const share = one.role === "serving" && total ? (one.weight ?? 0) / total : null;
  const moving = one.desired_weight !== null && one.desired_weight !== undefined && one.desired_weight !== one.weight;
  return h("tr", {}, h("th", { scope: "row" }, one.name, " ", one.role === "coming" ? badge("coming", "busy") : null, one.status ? status(one.status) : null),
    h("td", { class: "text" }, one.version ? `version ${one.version.version}: ${one.version.variant} of ${one.version.partition}` : "not from the registry"),
    h("td", {}, share === null ? "–" : [h("meter", { min: 0, max: 1, value: share, "aria-label": "share of the traffic" }), ` ${Math.round(share * 100)} %`, moving ? ` → weight ${one.desired_weight}` : ""]),
    h("td", {}, `${count(one.instances)} of ${count(one.desired_instances)}`),
    h("td", {}, one.instance_type || "–"));
}

function versions(found) {
  if (!found.length) return null;
  return h("div", { class: "scroll" }, h("table", {}, h("caption", {}, "Registered model versions, the newest first"),
    head(["Version", "Model<", "Approval", "Registered", "Last deployed", "Threshold", "Temperature", "Bias", "Training job<"]),
    h("tbody", {}, found.map((one) => h("tr", {}, h("th", { scope: "row" }, `v${one.version}`),
      h("td", { class: "text" }, `${one.variant || "?"} of ${one.partition || "?"}`, one.synthetic ? [" ", badge("SYNTHETIC", "warn")] : null),
      h("td", { title: one.approval_note }, one.approval ? status(one.approval) : "–"), h("td", {}, when(one.created)), h("td", {}, when(one.deployed_at)),
      h("td", {}, number(one.threshold)), h("td", {}, number(one.temperature)), h("td", {}, number(one.bias)),
      h("td", { class: "text" }, one.training_job ? h("a", { href: address(`jobs/training/${one.training_job}`) }, one.training_job) : "–"))))));
}
