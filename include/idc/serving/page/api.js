// The REST API as this page calls it: one key, JSON answers, and problems (RFC 9457) as errors.

const KEY = "histoflow-key";

export class Problem extends Error {
  constructor(status, details) {
    super(details.detail || details.title || `The server answered ${status}.`);
    this.status = status;
    this.title = details.title || "";
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

export const readiness = () => fetch("/readyz", { cache: "no-store" }).then((answer) => answer.json());
export const model = () => asked("GET", "/v1/model").then(json);
export const card = (path) => asked("GET", path, { Accept: "application/json" }).then(json);
export const cardPage = (path) => asked("GET", path, { Accept: "text/html" }).then((answer) => answer.blob());
export const predict = (image) => asked("POST", "/v1/predictions", { "Content-Type": image.type }, image).then(json);
export const slides = () => asked("GET", "/v1/slides").then(json);
export const slide = (id) => asked("GET", `/v1/slides/${id}`).then(json);
export const remove = (id) => asked("DELETE", `/v1/slides/${id}`);
export const picture = (path) => asked("GET", path).then((answer) => answer.blob());
export const regions = (path) => asked("GET", path).then(json);

export function feedback(given) {
  return asked("POST", "/v1/feedback", { "Content-Type": "application/json" }, JSON.stringify(given)).then(json);
}

/** Upload a slide; `onSent` is told the share that is sent, and `signal` ends it. */
export function upload(image, onSent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much it has sent
    request.open("POST", "/v1/slides");
    request.responseType = "json";
    request.setRequestHeader("Authorization", `Bearer ${key.get()}`);
    request.setRequestHeader("Content-Type", image.type);
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onload = () =>
      request.status === 202 ? resolve(request.response) : reject(new Problem(request.status, request.response || {}));
    signal.addEventListener("abort", () => request.abort());
    request.send(image);
  });
}

async function asked(method, path, headers = {}, body = undefined) {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers: { Authorization: `Bearer ${key.get()}`, ...headers } });
  } catch {
    throw unreachable();
  }
  if (answer.ok) return answer;
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

const json = (answer) => answer.json();
const unreachable = () => new Problem(0, { detail: "The server does not answer. Is it running? Try again." });
