// What is behind the API: the model, its card, and what the server takes.

import * as api from "./api.js";
import { byId, code, element, fillFacts, number, probability, show } from "./elements.js";

const PATIENCE_MS = 15000;

/** Show whether the API has a model to answer from, now and from time to time; `onChange` is told of changes. */
export async function watchState(onChange) {
  const state = byId("state");
  const answer = await api.readiness().catch(() => null);
  state.dataset.ready = String(Boolean(answer?.ready));
  const versions = (answer?.versions || []).join(", ");
  const words = answer?.ready ? `Ready: ${versions}` : answer ? "No model is ready" : "The server does not answer";
  if (state.lastElementChild.textContent !== words) {
    state.lastElementChild.textContent = words;
    onChange();
  }
  byId("unready").textContent = answer?.detail || "";
  setTimeout(() => watchState(onChange), PATIENCE_MS);
}

export function showModel(model) {
  const live = model.models.find((one) => one.role === "live") || model.models[0];
  show(byId("synthetic"), model.models.some((one) => one.synthetic));
  byId("limits").textContent =
    `PNG or JPEG in colour. Up to ${model.limits.patch_px}×${model.limits.patch_px} px it is one patch; a larger one, ` +
    `up to ${number(Math.floor(model.limits.slide_max_pixels / 1e6))} megapixels and ` +
    `${number(model.limits.slide_max_bytes >> 20)} MB, is cut into patches as a slide.`;
  show(byId("model"));
  show(byId("card"), Boolean(live));
  if (!live) return fillFacts(byId("model-facts"), { Version: "none is registered behind the endpoint" });
  fillFacts(byId("model-facts"), {
    Version: live.version,
    "Made by": `${live.variant}, training job ${live.training_job}`,
    "Learned from": live.synthetic ? `generated tissue, ${live.partition}` : `the snapshot ${live.partition}`,
    Threshold: probability(live.threshold),
    Dataset: code(live.dataset_digest.slice(0, 12)),
    Weights: code(live.model_sha256.slice(0, 12)),
  });
  const card = byId("card");
  if (card.dataset.path !== live.card) byId("card-body").replaceChildren();
  card.dataset.path = live.card;
  card.ontoggle = () => card.open && showCard(live.card);
}

async function showCard(path) {
  const body = byId("card-body");
  if (body.childElementCount) return;
  body.replaceChildren(element("p", { className: "help", textContent: "Fetching the card…" }));
  try {
    const card = await api.card(path);
    body.replaceChildren(download(path), drawn(card));
  } catch (error) {
    body.replaceChildren(element("p", { className: "problem", textContent: error.message }));
  }
}

function download(path) {
  const save = async () => {
    const address = URL.createObjectURL(await api.cardPage(path));
    element("a", { href: address, download: "model-card.html" }).click();
    URL.revokeObjectURL(address);
  };
  return element("button", { type: "button", textContent: "Download the card as a page", onclick: save });
}

/** A JSON value as nested lists. */
function drawn(value) {
  if (Array.isArray(value)) return element("ul", {}, ...value.map((one) => element("li", {}, drawn(one))));
  if (value !== null && typeof value === "object") {
    const list = element("dl", { className: "facts" });
    fillFacts(list, Object.fromEntries(Object.entries(value).map(([name, one]) => [spaced(name), drawn(one)])));
    return list;
  }
  return document.createTextNode(typeof value === "number" ? String(+value.toPrecision(4)) : String(value ?? "none"));
}

const spaced = (name) => name.replaceAll("_", " ");
