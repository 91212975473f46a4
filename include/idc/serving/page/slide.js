// One slide: uploaded, followed while it is scored, and shown with its heatmap and regions.

import * as api from "./api.js";
import { byId, fillFacts, number, percent, probability, show, speak } from "./elements.js";
import { offer } from "./feedback.js";
import { showHistory } from "./history.js";
import { chosenTile, showPicture, showRegions, tileFields } from "./viewer.js";

const PERIOD_MS = 400;
const LONGEST_PERIOD_MS = 3000;
const ENDED = ["succeeded", "failed", "cancelled", "deleted"];

let current = null; // the slide that the section shows; an earlier one stops speaking when it changes

/** Upload an image as a slide and follow it to its end. */
export async function startSlide(image, name, size) {
  const mine = begin(`Slide ${name}, ${number(size.width)}×${number(size.height)} px`);
  mine.original = image;
  advance(mine, "Uploading", 0);
  try {
    const job = await api.upload(image, (share) => advance(mine, "Uploading", share), mine.abort.signal);
    await follow(mine, job);
  } catch (error) {
    end(mine, error.name === "AbortError" ? "Cancelled before it was sent." : error.message);
  }
}

/** Show a slide that was uploaded earlier; its own picture is not kept, so the heatmap stands alone. */
export async function openSlide(job) {
  const mine = begin(`Slide of ${new Date(job.created_at).toLocaleString()}`);
  try {
    await follow(mine, job);
  } catch (error) {
    end(mine, error.message);
  }
}

function begin(title) {
  current?.abort.abort();
  current = { abort: new AbortController(), job: null, original: null };
  byId("slide-title").textContent = title;
  byId("slide-problem").textContent = "";
  show(byId("slide"));
  show(byId("slide-progress"));
  show(byId("slide-result"), false);
  const mine = current;
  byId("slide-cancel").onclick = () => cancel(mine);
  byId("slide-title").focus();
  return mine;
}

async function follow(mine, job) {
  for (let period = PERIOD_MS; mine === current; period = Math.min(period * 1.3, LONGEST_PERIOD_MS)) {
    mine.job = job;
    if (ENDED.includes(job.state)) break;
    advance(mine, job.state === "queued" ? "Waiting for its turn" : "Scoring tiles", job.progress);
    await new Promise((resolve) => setTimeout(resolve, period));
    job = await api.slide(job.id);
  }
  if (mine !== current) return;
  if (job.state === "succeeded") await showResult(mine, job);
  else end(mine, job.problem?.detail || "Cancelled. Nothing of it is kept.");
  await showHistory(openSlide);
}

function advance(mine, stage, share) {
  if (mine !== current) return;
  const before = Math.floor((byId("slide-bar").value || 0) * 4);
  byId("slide-stage").textContent = stage;
  byId("slide-bar").value = share;
  byId("slide-percent").textContent = percent(share);
  if (Math.floor(share * 4) > before) speak(`${stage}: ${percent(share)}`);
}

async function cancel(mine) {
  mine.abort.abort();
  if (mine.job) await api.remove(mine.job.id).catch((error) => end(mine, error.message));
}

function end(mine, words) {
  if (mine !== current) return;
  show(byId("slide-progress"), false);
  byId("slide-problem").textContent = words;
}

async function showResult(mine, job) {
  const [heatmap, found] = await Promise.all([api.picture(job.links.heatmap), api.regions(job.links.regions)]);
  if (mine !== current) return;
  show(byId("slide-progress"), false);
  show(byId("slide-result"));
  showPicture(job, heatmap, mine.original);
  showRegions(found.features);
  const models = job.models.map((one) => `${one.version}, threshold ${probability(one.threshold)}`);
  fillFacts(byId("slide-facts"), {
    Tiles: `${number(job.tiles.total)}, of which ${number(job.tiles.background)} background and not scored`,
    "At or above the threshold": `${number(job.tiles.positive)} of ${number(job.tiles.scored)} scored`,
    "Highest probability": job.max_probability === null ? "none" : probability(job.max_probability),
    Model: models.join("; ") || "none",
  });
  offer(
    byId("slide").querySelector("form"),
    "What is a tile really? Click one in the slide, or give its upper left corner.",
    () => ({ request_id: job.id, tile: chosenTile() }),
    tileFields(job),
  );
  byId("slide-title").focus();
  speak(`The slide is scored: ${found.features.length} regions at or above the threshold.`);
}
