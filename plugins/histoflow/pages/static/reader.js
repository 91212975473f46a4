// A report or card inside the page, with the way back; within Airflow there is no other tab to open it in.

import { address } from "./ask.js";
import { h } from "./elements.js";

const PATHS = /^(candidates|datasets|monitoring|tuning)\/[\w./-]+$/;

/** A link that opens a document of the bucket in the reader. */
export function readLink(path, title, from = {}) {
  return h("a", { href: address("models", { read: path, title, ...from }) }, title);
}

export function reader(path, query) {
  const title = query.get("title") ?? "Document";
  const partition = query.get("partition") ?? "";
  document.title = `${title} · Histoflow`;
  const bar = h("nav", { class: "bar", "aria-label": "Document" },
    h("a", { href: address("models", { partition }) }, "← Breast cancer models"), h("strong", {}, title));
  if (!PATHS.test(path) || path.includes("..")) return [bar, h("p", { class: "problem" }, "There is no such document.")];
  const frame = path.endsWith(".png")
    ? h("img", { class: "heatmap", src: address(path), alt: title })
    : h("iframe", { class: "document", src: address(path), title, sandbox: "" });
  document.body.classList.add("reading");
  return [bar, frame];
}
