// Values as a person reads them.

export const METRICS = {
  balanced_accuracy: "Balanced accuracy",
  recall: "Sensitivity",
  specificity: "Specificity",
  roc_auc: "AUC (ROC)",
  average_precision: "Average precision",
  f1: "F1",
  precision: "Precision (PPV)",
  accuracy: "Accuracy",
  recall_at_90_specificity: "Sensitivity at 90 % specificity",
  brier_score: "Brier score (less is better)",
  expected_calibration_error: "Calibration error (less is better)",
};

export const label = (metric) => METRICS[metric] ?? metric.replaceAll("_", " ");

export const number = (value, digits = 3) =>
  typeof value === "number" ? value.toFixed(digits).replace("-", "−") : "–";

export const count = (value) => (typeof value === "number" ? value.toLocaleString("en") : "–");

/** A value with its bounds, as text. */
export const bounded = (metric) =>
  metric && metric.low !== null && metric.low !== undefined
    ? `${number(metric.value)} (${number(metric.low)} to ${number(metric.high)})`
    : number(metric?.value);

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
