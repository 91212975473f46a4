// The slides of this key's owner that the server still keeps.

import * as api from "./api.js";
import { byId, element, percent, show } from "./elements.js";

/** List them, newest first; `open` shows one. */
export async function showHistory(open) {
  const slides = (await api.slides()).slides.filter((slide) => slide.state !== "deleted");
  show(byId("history"), slides.length > 0);
  byId("history-list").replaceChildren(...slides.map((slide) => entry(slide, open)));
}

function entry(slide, open) {
  const made = new Date(slide.created_at).toLocaleString();
  const state = slide.state === "running" ? `running, ${percent(slide.progress)}` : slide.state;
  const words = `${made}, ${slide.width}×${slide.height} px, ${state}`;
  const remove = async () => {
    await api.remove(slide.id);
    await showHistory(open);
    byId("history-title").focus();
  };
  const button = (text, onclick) =>
    element("button", { type: "button", textContent: text, ariaLabel: `${text} the slide of ${words}`, onclick });
  const buttons = slide.state === "cancelled" ? [] : [button("Open", () => open(slide))];
  return element("li", {}, element("span", { textContent: words }), ...buttons, button("Delete", remove));
}
