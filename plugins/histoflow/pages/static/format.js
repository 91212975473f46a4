// Values as a person reads them.

/** The label of a metric: a row of the table of metrics, as the API answers it. */
export function label({ label: text, direction }) {
  const title = text.charAt(0).toUpperCase() + text.slice(1);
  return direction === "lower" ? `${title} (lower is better)` : title;
}

export const number = (value, digits = 3) =>
  typeof value === "number" ? value.toFixed(digits).replace("-", "−") : "–";

export const count = (value) => (typeof value === "number" ? value.toLocaleString("en") : "–");

/** A figure with its bounds, as text, in the format of its metric. */
export const bounded = ({ digits }, figure) =>
  figure && figure.low !== null && figure.low !== undefined
    ? `${number(figure.value, digits)} (${number(figure.low, digits)} to ${number(figure.high, digits)})`
    : number(figure?.value, digits);

export function duration(seconds) {
  if (typeof seconds !== "number") return "–";
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

export const when = (iso) => (iso ? DAY.format(new Date(iso)) : "–");

export const money = (dollars) =>
  typeof dollars === "number" ? `$${dollars.toFixed(dollars < 0.1 ? 4 : 2)}` : "–";

/** A short name for a 64-digit digest. */
export const short = (digest) => (digest ? digest.slice(0, 10) : "–");
