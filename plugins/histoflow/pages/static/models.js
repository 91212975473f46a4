// The page of all models: candidates, history, endpoint, monitoring, tuning and jobs.

import { address } from "./ask.js";
import { h } from "./elements.js";
import { endpointPanel } from "./endpoint.js";
import { historyPanel } from "./history.js";
import { jobsPanel } from "./jobs.js";
import { monitoringPanel } from "./monitoring.js";
import { partitionPanel } from "./partition.js";
import { tuningPanel } from "./tuning.js";

const SECTIONS = [
  ["partition", "Candidates"], ["history", "History"], ["endpoint", "Endpoint"], ["monitoring", "Monitoring"], ["tuning", "Tuning"], ["jobs", "Jobs"],
];

export function modelsPage(query) {
  const synthetic = h("p", { class: "banner", role: "note", hidden: true },
    "SYNTHETIC DATA: the patches were generated. They show that the pipeline works, and nothing about tissue.");
  const partition = partitionPanel(query.get("partition"), (found) => {
    synthetic.hidden = !found.synthetic;
    history.replaceState(null, "", address("models", { partition: found.partition }));
  });
  const past = historyPanel({ choose: partition.choose, known: partition.offer });
  const links = SECTIONS.map(([id, title]) => h("a", { href: `#${id}`, onclick: jump }, title));
  return [
    h("header", {},
      h("h1", {}, "Breast cancer models"),
      h("p", { class: "lead" }, "Invasive ductal carcinoma in patches of breast tissue: trained models, their metrics on unseen ",
        "patients, and the endpoint. ", h("strong", {}, "Research software, not a diagnostic device.")),
      synthetic,
      h("nav", { class: "sections", "aria-label": "Sections" }, links)),
    partition.element, past.element, endpointPanel().element, monitoringPanel().element, tuningPanel().element, jobsPanel().element,
  ];
}

// Within Airflow an address with a fragment would be written into the outer page's; scrolling needs none.
function jump(event) {
  event.preventDefault();
  const section = document.querySelector(event.currentTarget.getAttribute("href"));
  section.scrollIntoView({ block: "start" });
  section.querySelector("h2").setAttribute("tabindex", "-1");
  section.querySelector("h2").focus({ preventScroll: true });
}
