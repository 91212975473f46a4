// The picture of a slide: heatmap over tissue, regions outlined, zoom, and the tile that is chosen.

import { byId, element, number, probability, show } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const ZOOM_STEP = 1.5;
const MOST_ZOOM = 16;
const MOST_ROWS = 100;

let size = { width: 1, height: 1 };
let tiling = { tile_px: 1, step_px: 1 };
let zoom = 1;

export function showPicture(job, heatmap, original) {
  size = { width: job.width, height: job.height };
  tiling = job.tiling;
  const [image, overlay] = [byId("slide-image"), byId("heatmap")];
  [image, overlay].forEach((one) => one.src.startsWith("blob:") && URL.revokeObjectURL(one.src));
  show(image, original !== null);
  image.src = original ? URL.createObjectURL(original) : "";
  image.alt = "The slide";
  overlay.src = URL.createObjectURL(heatmap);
  overlay.alt = "Heatmap: the calibrated probability of carcinoma, tile by tile";
  byId("regions").setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
  fit();
}

export function showRegions(features) {
  const outlines = features.map((feature) => {
    const path = document.createElementNS(SVG, "path");
    const rings = feature.geometry.coordinates.map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`);
    path.setAttribute("d", rings.join(""));
    return path;
  });
  const chosen = document.createElementNS(SVG, "rect");
  chosen.id = "chosen";
  byId("regions").replaceChildren(...outlines, chosen);
  const rows = features.slice(0, MOST_ROWS).map((feature, index) => row(feature, index, outlines));
  const rest = features.length - rows.length;
  const note = rows.length ? `and ${number(rest)} smaller ones, outlined in the picture` : "None.";
  if (rest || !rows.length) rows.push(element("tr", {}, element("td", { colSpan: 5, textContent: note })));
  byId("region-table").tBodies[0].replaceChildren(...rows);
}

/** The fields that say which tile feedback is about, kept in step with clicks on the picture. */
export function tileFields(job) {
  tiling = job.tiling;
  const field = (name, most) =>
    element("label", { textContent: `${name} ` },
      element("input", { type: "number", id: `tile-${name}`, min: 0, max: most, step: tiling.step_px, value: 0, oninput: markTile }));
  const last = (length) => corner(length - 1);
  return element("div", { className: "row" }, field("x", last(job.width)), field("y", last(job.height)));
}

/** Where the tile begins that a place is in. */
const corner = (place) => Math.floor(place / tiling.step_px) * tiling.step_px;

export function chosenTile() {
  const [x, y] = ["x", "y"].map((name) => corner(Number(byId(`tile-${name}`).value)));
  return { x, y };
}

function chooseTile(x, y) {
  byId("tile-x").value = corner(x);
  byId("tile-y").value = corner(y);
  markTile();
}

function markTile() {
  const { x, y } = chosenTile();
  const marks = { x, y, width: Math.min(tiling.tile_px, size.width - x), height: Math.min(tiling.tile_px, size.height - y) };
  Object.entries(marks).forEach(([name, value]) => byId("chosen").setAttribute(name, value));
}

function row(feature, index, outlines) {
  const { tiles, area_px: area, mean_probability: mean, max_probability: highest } = feature.properties;
  const find = () => {
    outlines.forEach((one, other) => one.classList.toggle("found", other === index));
    const [left, top] = feature.geometry.coordinates[0].reduce((a, b) => (b[1] < a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a));
    scrollTo(left, top);
    chooseTile(left, top);
  };
  const name = element("button", { type: "button", textContent: `Show ${index + 1}`, onclick: find });
  const cells = [number(tiles), number(area), probability(mean), probability(highest)];
  return element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((text) => element("td", { textContent: text })));
}

function scrollTo(x, y) {
  const viewer = byId("viewer");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  viewer.scrollTo({
    left: x * zoom - viewer.clientWidth / 2,
    top: y * zoom - viewer.clientHeight / 2,
    behavior: calm ? "auto" : "smooth",
  });
}

function setZoom(wanted) {
  zoom = Math.min(MOST_ZOOM, Math.max(0.02, wanted));
  byId("stage").style.width = `${size.width * zoom}px`;
  byId("stage").style.height = `${size.height * zoom}px`;
  byId("zoom").textContent = `${Math.round(zoom * 100)} %`;
}

function fit() {
  const viewer = byId("viewer");
  const tallest = parseFloat(getComputedStyle(viewer).maxHeight);
  setZoom(Math.min(4, viewer.clientWidth / size.width, tallest / size.height));
}

export function wireViewer() {
  const stage = byId("stage");
  const setOpacity = () => {
    stage.style.setProperty("--opacity", byId("opacity").value / 100);
    byId("opacity-text").textContent = `${byId("opacity").value} %`;
  };
  byId("opacity").oninput = setOpacity;
  setOpacity();
  byId("outlines").onchange = (event) => stage.classList.toggle("plain", !event.target.checked);
  byId("zoom-in").onclick = () => setZoom(zoom * ZOOM_STEP);
  byId("zoom-out").onclick = () => setZoom(zoom / ZOOM_STEP);
  byId("zoom-fit").onclick = fit;
  stage.onclick = (event) => {
    const box = stage.getBoundingClientRect();
    chooseTile((event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom);
  };
}
