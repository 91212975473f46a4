// One patch: its picture, and the model's answer against the threshold.

import { byId, code, element, fillFacts, percent, probability, show, speak } from "./elements.js";
import { offer } from "./feedback.js";

const HEADLINES = ["No invasive ductal carcinoma", "Invasive ductal carcinoma"];

export function showPatch(answer, image, name, size) {
  const positive = answer.class === 1;
  const section = byId("patch");
  section.className = `card ${positive ? "is-positive" : "is-negative"}`;
  byId("patch-image").src = URL.createObjectURL(image);
  byId("patch-image").alt = `The patch ${name}, enlarged`;
  byId("patch-name").textContent = size ? `${name}, ${size.width}×${size.height} px` : name;
  byId("patch-title").textContent = HEADLINES[answer.class];
  showGauge(answer);
  showVerdict(answer, positive);
  fillFacts(byId("patch-facts"), {
    "Probability, calibrated": probability(answer.probability),
    Threshold: probability(answer.threshold),
    Model: `${answer.model.version}, data of ${answer.model.partition}`,
    Request: code(answer.request_id),
  });
  offer(section.querySelector("form"), "What is it really?", () => ({ request_id: answer.request_id }));
  show(section);
  byId("patch-title").focus();
  speak(`${HEADLINES[answer.class]}. ${byId("verdict").textContent}`);
}

function showGauge({ probability: value, threshold }) {
  const gauge = byId("gauge");
  gauge.style.setProperty("--value", value);
  gauge.style.setProperty("--limit", threshold);
  gauge.classList.toggle("limit-right", threshold > 0.6);
  byId("limit-text").textContent = `threshold ${probability(threshold)}`;
  gauge.setAttribute(
    "aria-label",
    `Calibrated probability of carcinoma ${probability(value)}; from ${probability(threshold)} on the answer is carcinoma`,
  );
}

function showVerdict(answer, positive) {
  const side = positive ? "at or above" : "below";
  const words = `The probability, ${percent(answer.probability)}, is ${side} the threshold of ${percent(answer.threshold)}.`;
  byId("verdict").replaceChildren(
    element("span", {
      className: answer.confident ? "badge sure" : "badge unsure",
      textContent: answer.confident ? "✓ confident" : "! not confident",
    }),
    ` ${words}`,
  );
  byId("reasons").replaceChildren(...answer.reasons.map((reason) => element("li", { textContent: reason.text })));
  show(byId("reasons"), answer.reasons.length > 0);
}
