"""Building a report: its facts, the patches it looks at, its pictures and the page that shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc import layout
from idc.convert.report import dataset_charts, page
from idc.convert.report.colours import Colours
from idc.convert.report.facts import DatasetFacts, read_facts
from idc.convert.report.pictures import COLUMNS, ROWS, SlideCanvas, SlidePicture, encode_png, montage
from idc.convert.report.sampling import Choice, choose, choose_patients, read_chosen
from idc.converter.index import DatasetIndex
from idc.html.charts import Chart
from idc.storage import ObjectStore


@dataclass(frozen=True)
class Seen:
    """What looking at the chosen patches brought: `montages` by class, `slides` by split."""

    colours: Colours
    montages: dict[int, NDArray[np.uint8]]
    slides: dict[str, list[SlidePicture]]


@dataclass(frozen=True)
class Report:
    """A finished report: the page, and its pictures as PNG by name."""

    html: bytes
    pictures: dict[str, bytes]


def build(store: ObjectStore, dataset_digest: str) -> Report:
    """Return the report of a dataset; the same dataset gives the same bytes.

    Raises:
        MissingObject: there is no such dataset.
        CorruptShard: a shard is damaged.
    """
    facts = read_facts(store, dataset_digest)
    patients = choose_patients(facts.rows)
    choice = choose(store, facts.index, {patient for own in patients.values() for patient in own})
    seen = look(store, facts.index, choice, patients)
    drawn = _charts(facts, seen.colours)
    pictures = {chart.name: chart.png for chart in drawn}
    pictures |= {f"montage-class{label}": encode_png(sheet) for label, sheet in seen.montages.items()}
    pictures |= {slide.name: slide.png() for own in seen.slides.values() for slide in own}
    return Report(page.render(facts, seen.colours, seen.montages, seen.slides, drawn), pictures)


def look(store: ObjectStore, index: DatasetIndex, choice: Choice, patients: dict[str, list[str]]) -> Seen:
    """Read the chosen patches once, in the order of the shards, and take them in."""
    colours = Colours()
    sampled = {patch.name for patches in choice.sample.values() for patch in patches}
    shown = {patch.name for own in choice.sample.values() for patch in own[: COLUMNS * ROWS]}
    canvases = {key: SlideCanvas(patches) for key, patches in choice.slides.items()}
    kept: dict[str, NDArray[np.uint8]] = {}
    for patch, pixels in read_chosen(store, index, choice):
        if patch.name in sampled:
            colours.add(patch.label, pixels)
        if patch.name in shown:
            kept[patch.name] = pixels
        if choice.holds(patch):
            canvases[patch.patient, patch.slide].paste(patch, pixels)
    made = {key[0]: canvas.picture() for key, canvas in canvases.items()}
    return Seen(
        colours=colours,
        montages={
            label: montage([kept[patch.name] for patch in own[: COLUMNS * ROWS]])
            for label, own in choice.sample.items()
        },
        slides={split: [made[patient] for patient in own] for split, own in patients.items()},
    )


def _charts(facts: DatasetFacts, colours: Colours) -> list[Chart]:
    classes = {split: facts.classes_of(split) for split in layout.SPLITS}
    return [
        dataset_charts.class_balance(classes),
        dataset_charts.patients_by_share(facts.rows),
        dataset_charts.stain_amounts(colours),
    ]
