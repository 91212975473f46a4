// Elements made of plain values; text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value === "boolean") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element; attributes that begin with "on" are listeners, absent values are left out. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Put children in place of an element's own; who had the keyboard keeps it, by `data-key`. */
export function replace(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (key) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** A word on a coloured ground; the word alone says it all. */
export function badge(text, tone) {
  return h("span", { class: `badge ${tone ?? ""}` }, text);
}

const TONES = {
  Completed: "good", InService: "good", Approved: "good", deploy: "good",
  Failed: "bad", RollingBack: "bad", Rejected: "bad",
  InProgress: "busy", Creating: "busy", Updating: "busy", Stopping: "busy", SystemUpdating: "busy",
};

/** A status of SageMaker's. */
export function status(word) {
  return badge(word.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase(), TONES[word] ?? "");
}

/** The head of a table; a title that ends with "<" stands over text, which begins at the left. */
export function head(titles) {
  return h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col", class: title.endsWith("<") ? "text" : null }, title.replace("<", "")))));
}
