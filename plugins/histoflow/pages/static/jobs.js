// The table of jobs: filter, order and pages are the server's work, so a thousand jobs are as quick as ten.

import { address } from "./ask.js";
import { h, replace, status } from "./elements.js";
import { count, duration, money, when } from "./format.js";
import { panel, problems } from "./panel.js";

const KINDS = ["training", "processing", "transform", "tuning"];
const COLUMNS = [["name", "Job"], ["kind", "Kind"], ["status", "Status"], ["created", "Created"], ["duration", "Duration"], [null, "Instance"], [null, "Billed"], [null, "Cost"]];
const TEXTS = ["kind", "status"];
const WAIT_MS = 200;

export function jobsPanel() {
  const asked = { text: "", kind: [], state: [], order: "created", descending: true, page: 1, size: 25 };
  let timer;
  const change = (changes) => {
    Object.assign(asked, { page: 1 }, changes);
    made.again();
  };
  const search = h("input", { type: "search", id: "jobs-text", placeholder: "part of a name", maxlength: 63, autocomplete: "off",
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => change({ text: search.value.trim() }), WAIT_MS); } });
  const states = h("fieldset", { class: "chips" }, h("legend", {}, "Status"));
  const tools = h("div", { class: "tools" }, h("p", {}, h("label", { for: "jobs-text" }, "Find"), search),
    chips("Kind", KINDS, () => asked.kind, (kind) => change({ kind })), states);
  const made = panel({
    id: "jobs",
    title: "Jobs",
    lead: "SageMaker's jobs in this account and region. The list refreshes by itself.",
    question: () => ["api/jobs", asked],
    every: (found) => (found.jobs.some((job) => !job.is_over) ? 3 : 6),
    show: (found) => {
      offerStates(states, found.counts, asked, change);
      return [problems(found.problems), table(found, asked, change), pager(found, asked, change)];
    },
  });
  made.element.insertBefore(tools, made.element.querySelector(".body"));
  return made;
}

function chips(title, options, chosen, change) {
  const boxes = options.map((option) => h("label", {}, h("input", { type: "checkbox", value: option, onchange: () => change(boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value)), checked: chosen().includes(option) }), option));
  return h("fieldset", { class: "chips" }, h("legend", {}, title), boxes);
}

function offerStates(states, counts, asked, change) {
  const names = [...new Set([...Object.keys(counts), ...asked.state])].sort();
  replace(states, h("legend", {}, "Status"), names.map((name) => h("label", {},
    h("input", { type: "checkbox", "data-key": `state-${name}`, checked: asked.state.includes(name), onchange: (event) =>
      change({ state: event.target.checked ? [...asked.state, name] : asked.state.filter((one) => one !== name) }) }),
    `${name} ${count(counts[name] ?? 0)}`)));
}

function table(found, asked, change) {
  if (!found.jobs.length) return h("p", { class: "empty" }, "No job matches.");
  const heads = COLUMNS.map(([order, title]) => {
    if (!order) return h("th", { scope: "col" }, title);
    const isOrder = asked.order === order;
    const turn = () => change({ order, descending: isOrder ? !asked.descending : order === "created" || order === "duration" });
    return h("th", { scope: "col", class: TEXTS.includes(order) ? "text" : null, "aria-sort": isOrder ? (asked.descending ? "descending" : "ascending") : "none" },
      h("button", { type: "button", "data-key": `order-${order}`, onclick: turn }, title, h("span", { "aria-hidden": "true" }, isOrder ? (asked.descending ? " ↓" : " ↑") : "")));
  });
  return h("div", { class: "scroll" }, h("table", { class: "jobs" }, h("caption", {}, "Cost is an estimate: billed seconds at Amazon's list price, on the embedded AWS too"),
    h("thead", {}, h("tr", {}, heads)), h("tbody", {}, found.jobs.map(line))));
}

function line(job) {
  const machines = job.instance_type ? `${job.instances > 1 ? `${job.instances} × ` : ""}${job.instance_type}` : "–";
  const state = job.secondary_status && job.secondary_status !== job.status ? h("small", {}, job.secondary_status) : null;
  return h("tr", {}, h("th", { scope: "row" }, h("a", { href: address(`jobs/${job.kind}/${encodeURIComponent(job.name)}`), "data-key": `job-${job.kind}-${job.name}` }, job.name),
    job.note || job.problem ? h("small", { class: job.status === "Failed" ? "wrong" : "" }, (job.note || job.problem).slice(0, 160)) : null),
    h("td", { class: "text" }, job.kind), h("td", { class: "text" }, status(job.status), state), h("td", {}, when(job.created)), h("td", {}, duration(job.duration_s)),
    h("td", {}, machines), h("td", {}, duration(job.billable_s)), h("td", {}, money(job.cost_usd)));
}

function pager(found, asked, change) {
  const first = found.total ? (found.page - 1) * asked.size + 1 : 0;
  const last = Math.min(found.page * asked.size, found.total);
  const step = (by, title) => h("button", { type: "button", "data-key": `page-${by}`, disabled: found.page + by < 1 || found.page + by > found.pages, onclick: () => change({ page: found.page + by }) }, title);
  return h("nav", { class: "pager", "aria-label": "Pages of jobs" }, step(-1, "← Previous page"), h("span", { role: "status" }, `${count(first)}–${count(last)} of ${count(found.total)}`), step(1, "Next page →"),
    found.is_cut ? h("span", { class: "note" }, "The newest 1,000 of each kind; there are older ones.") : null);
}
