// The page: a key first, then an image, then the answer.

import * as api from "./api.js";
import { byId, show, speak } from "./elements.js";
import { showHistory } from "./history.js";
import { showModel, watchState } from "./model.js";
import { showPatch } from "./patch.js";
import { openSlide, startSlide } from "./slide.js";
import { wireViewer } from "./viewer.js";

const TYPES = ["image/png", "image/jpeg"];
let patchPx = 50;

async function useKey(text) {
  api.key.set(text);
  await lookAtModel();
  show(byId("entry"), false);
  show(byId("choose"));
  show(byId("forget"));
  showHistory(openSlide).catch(() => {}); // a key may lack the scope for slides
}

/** Show the model behind the API; only a key that is refused is an error, for a good one may find no model. */
async function lookAtModel() {
  try {
    const model = await api.model();
    patchPx = model.limits.patch_px;
    showModel(model);
  } catch (error) {
    if (error.status === 401) throw error;
    byId("problem").textContent = error.message;
  }
}

function askForKey(words = "") {
  api.key.forget();
  ["choose", "patch", "slide", "model", "history", "forget"].forEach((id) => show(byId(id), false));
  show(byId("entry"));
  byId("key-problem").textContent = words;
  byId("key").value = "";
  byId("key").focus();
}

async function submitKey(event) {
  event.preventDefault();
  const text = byId("key").value.trim();
  byId("key-problem").textContent = text ? "" : "Enter a key first.";
  if (!text) return byId("key").focus();
  try {
    await useKey(text);
    byId("file").focus();
    speak("The key is accepted. Choose an image.");
  } catch (error) {
    askForKey(error.message);
  }
}

async function take(image, name) {
  byId("problem").textContent = "";
  show(byId("patch"), false);
  show(byId("slide"), false);
  if (!TYPES.includes(image.type)) {
    byId("problem").textContent = `${name} is no PNG or JPEG image. Convert it first.`;
    return;
  }
  byId("drop").setAttribute("aria-busy", "true");
  try {
    const size = await sizeOf(image);
    if (size && Math.max(size.width, size.height) > patchPx) await startSlide(image, name, size);
    else showPatch(await api.predict(image), image, name, size);
  } catch (error) {
    if (error.status === 401) askForKey(error.message);
    else byId("problem").textContent = error.message;
  } finally {
    byId("drop").removeAttribute("aria-busy");
  }
}

/** The image's size, or null where the browser cannot read it: then the server says what is wrong. */
function sizeOf(image) {
  return new Promise((resolve) => {
    const reader = new Image();
    const done = (size) => (URL.revokeObjectURL(reader.src), resolve(size));
    reader.onload = () => done({ width: reader.naturalWidth, height: reader.naturalHeight });
    reader.onerror = () => done(null);
    reader.src = URL.createObjectURL(image);
  });
}

function wireDrop() {
  const drop = byId("drop");
  const mark = (over) => (event) => (event.preventDefault(), drop.classList.toggle("over", over));
  drop.addEventListener("dragover", mark(true));
  drop.addEventListener("dragleave", mark(false));
  drop.addEventListener("drop", (event) => {
    mark(false)(event);
    takeFirst(event.dataTransfer.files);
  });
  // A file dropped beside it would otherwise replace the page.
  ["dragover", "drop"].forEach((name) => addEventListener(name, (event) => event.preventDefault()));
  addEventListener("paste", (event) => !byId("choose").hidden && takeFirst(event.clipboardData.files));
  byId("file").onchange = (event) => {
    takeFirst(event.target.files);
    event.target.value = ""; // so that the same file can be chosen again
  };
}

const takeFirst = (files) => files.length && take(files[0], files[0].name);

async function takeExample(event) {
  const name = event.currentTarget.dataset.example;
  const answer = await fetch(`examples/${name}`);
  await take(await answer.blob(), name);
}

byId("key-form").onsubmit = submitKey;
byId("key-shown").onchange = (event) => (byId("key").type = event.target.checked ? "text" : "password");
byId("forget").onclick = () => askForKey();
document.querySelectorAll("[data-example]").forEach((button) => (button.onclick = takeExample));
wireDrop();
wireViewer();
watchState(() => api.key.get() && lookAtModel().catch((error) => askForKey(error.message)));
if (api.key.get()) useKey(api.key.get()).catch((error) => askForKey(error.message));
