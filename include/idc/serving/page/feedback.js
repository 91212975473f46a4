// The form that takes the true label of a patch, or of a tile of a slide.

import * as api from "./api.js";
import { element } from "./elements.js";

const LABELS = ["No carcinoma", "Carcinoma"];

/** Build the form; `subject` gives what the label is for: a request id and, for slides, a tile. */
export function offer(form, legend, subject, ...fields) {
  const said = element("p", { className: "said", role: "status" });
  const buttons = LABELS.map((text, label) =>
    element("button", { type: "button", textContent: text, onclick: () => send(form, said, label, subject()) }),
  );
  form.onsubmit = (event) => event.preventDefault();
  form.replaceChildren(
    element("fieldset", {}, element("legend", { textContent: legend }), ...fields,
      element("div", { className: "row" }, ...buttons), said),
  );
}

async function send(form, said, label, subject) {
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
  said.className = "said";
  try {
    const kept = await api.feedback({ ...subject, label });
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(index === label)));
    said.textContent = kept.number > 1 ? `Thank you. Kept as correction ${kept.number - 1}.` : "Thank you. The label is kept.";
  } catch (error) {
    said.className = "said problem";
    said.textContent = error.message;
  } finally {
    buttons.forEach((button) => button.removeAttribute("aria-disabled"));
  }
}
