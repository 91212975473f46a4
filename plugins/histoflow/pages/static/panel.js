// A section of the page that fetches, shows and refreshes its own data, and fails alone.

import { ask } from "./ask.js";
import { h, replace } from "./elements.js";

/**
 * A section with a heading. `question()` gives [path, query]; `show(data)` gives elements; `every(data)` the
 * seconds until it is asked again, 0 for never. `again()` asks at once.
 */
export function panel({ id, title, lead, question, show, every }) {
  const body = h("div", { class: "body" }, h("p", { class: "waiting" }, "Loading …"));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const heading = h("h2", { id: `${id}-title` }, title);
  const element = h("section", { id, "aria-labelledby": `${id}-title`, "aria-busy": "true" },
    heading, lead ? h("p", { class: "lead" }, lead) : null, problem, body);
  let shown, timer, asking;

  async function look() {
    clearTimeout(timer);
    asking?.abort();
    const own = (asking = new AbortController());
    let pause = 30;
    try {
      const text = await ask(...question(), own.signal);
      problem.hidden = true;
      if (text !== shown) {
        shown = text;
        replace(body, show(JSON.parse(text)));
      }
      pause = every ? every(JSON.parse(text)) : 0;
    } catch (error) {
      if (error.name === "AbortError") return;
      problem.textContent = error.message;
      problem.hidden = false;
      body.querySelector(".waiting")?.remove();
      console.error(error);
    }
    element.setAttribute("aria-busy", "false");
    if (pause && own === asking) timer = setTimeout(tick, pause * 1000);
  }

  function tick() {
    if (document.hidden) document.addEventListener("visibilitychange", tick, { once: true });
    else look();
  }

  look();
  return { element, heading, again: look };
}

/** Sentences on parts that could not be read. */
export function problems(list) {
  return list.map((text) => h("p", { class: "problem", role: "alert" }, text));
}
