// The log of a job: the last lines of one of its streams, and then what is written while one looks.

import { ask } from "./ask.js";
import { h, replace } from "./elements.js";

const KEPT = 5000, WAIT_S = 2, SLOW_S = 20;
const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export function logPanel(kind, name, isOver) {
  const lines = h("pre", { class: "log", tabindex: "0", role: "log", "aria-label": "Log" });
  const said = h("p", { class: "note", role: "status" }, "Loading …");
  const streams = h("select", { id: "log-stream", onchange: () => begin(streams.value) });
  const follow = h("input", { type: "checkbox", id: "log-follow", checked: true });
  const path = `api/jobs/${encodeURIComponent(kind)}/${encodeURIComponent(name)}/log`;
  let stream = "", token = "", asking = 0;

  function begin(chosen) {
    [stream, token] = [chosen, ""];
    lines.replaceChildren();
    look();
  }

  async function look() {
    const own = ++asking;
    let pause = WAIT_S;
    try {
      const found = JSON.parse(await ask(path, { stream, token }));
      if (own !== asking) return;
      show(found);
      if (!found.lines.length && isOver()) pause = found.stream ? 0 : SLOW_S;
    } catch (error) {
      if (own !== asking) return;
      said.textContent = error.message;
      pause = SLOW_S;
    }
    if (pause) setTimeout(() => own === asking && look(), pause * 1000);
  }

  function show(found) {
    if (!token) replace(streams, found.streams.map((one) => h("option", { value: one, selected: one === found.stream }, one)));
    [stream, token] = [found.stream, found.token || token];
    lines.append(...found.lines.map(([at, text]) => h("span", {}, h("time", {}, TIME.format(at)), ` ${text}\n`)));
    while (lines.childElementCount > KEPT) lines.firstElementChild.remove();
    if (found.lines.length && follow.checked) lines.scrollTop = lines.scrollHeight;
    streams.parentElement.hidden = !stream;
    said.textContent = stream ? `${found.group} · ${lines.childElementCount} lines` : "No line has been written yet.";
  }

  look();
  return h("section", { id: "log", "aria-labelledby": "log-title" }, h("h2", { id: "log-title" }, "Log"),
    h("div", { class: "tools" }, h("p", {}, h("label", { for: "log-stream" }, "Stream"), streams), h("p", {}, follow, h("label", { for: "log-follow" }, "Follow"))), lines, said);
}
