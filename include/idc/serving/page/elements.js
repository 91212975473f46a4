// Small ways to build and fill elements. Text stays text: nothing from the server becomes markup.

export const byId = (id) => document.getElementById(id);

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function fillFacts(list, facts) {
  list.replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => [
      element("dt", { textContent: name }),
      value instanceof Node ? element("dd", {}, value) : element("dd", { textContent: value }),
    ]),
  );
}

export const show = (node, visible = true) => (node.hidden = !visible);
export const percent = (share) => `${Math.round(share * 100)} %`;
export const number = (value) => value.toLocaleString("en");
export const code = (text) => element("code", { textContent: text });

/** A probability with two digits, more near the ends, where they matter. */
export function probability(value) {
  if (value > 0 && value < 0.01) return value < 0.001 ? "< 0.001" : value.toFixed(3);
  if (value < 1 && value > 0.99) return value > 0.999 ? "> 0.999" : value.toFixed(3);
  return value.toFixed(2);
}

/** Say something to those who listen instead of looking. */
export function speak(text) {
  byId("spoken").textContent = text;
}
