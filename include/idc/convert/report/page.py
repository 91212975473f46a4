"""The page of the dataset report: one HTML file that needs nothing else, for screens and for paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from idc.convert.report import pictures
from idc.convert.report.colours import QUANTITIES, Colours
from idc.convert.report.facts import DatasetFacts
from idc.convert.report.pictures import SlidePicture
from idc.converter.patches import PATCH_PX
from idc.html.charts import CLASS_NAMES, Chart
from idc.html.page import TEMPLATES
from idc.html.slides import Pixels
from idc.layout import SPLITS


@dataclass(frozen=True)
class SplitLine:
    """A split's line in the table of the page; `quartiles` are of its patients' shares of IDC."""

    name: str
    patients: int
    patches: int
    classes: tuple[int, int]
    quartiles: tuple[float, float, float]

    @property
    def share(self) -> float:
        """The share of class 1."""
        return self.classes[1] / self.patches


@dataclass(frozen=True)
class SizeLine:
    """Patches of one size other than 50×50; `share` is of all such patches."""

    size: str
    patches: int
    share: float


def render(
    facts: DatasetFacts,
    colours: Colours,
    montages: Mapping[int, Pixels],
    slides: Mapping[str, Sequence[SlidePicture]],
    charts: Sequence[Chart],
) -> bytes:
    """Return report.html."""
    template = TEMPLATES.get_template("convert/report/dataset.html")
    text = template.render(
        facts=facts,
        colours=colours,
        spreads={quantity: colours.spread(quantity) for quantity in QUANTITIES},
        sampled=colours.sampled(),
        montages={label: pictures.photograph_uri(sheet) for label, sheet in montages.items()},
        slides=slides,
        photograph_uri=pictures.photograph_uri,
        layer_uri=pictures.layer_uri,
        charts={chart.name: Markup(chart.svg) for chart in charts},  # noqa: S704  (drawn by this package)
        lines=[split_line(facts, split) for split in SPLITS],
        sizes=size_lines(facts.findings.sizes),
        class_names=CLASS_NAMES,
        side_px=PATCH_PX,
    )
    return text.encode()


def split_line(facts: DatasetFacts, split: str) -> SplitLine:
    """Return what the page says of one split."""
    shares = [row.class1 / row.patches for row in facts.rows if row.split == split and row.patches]
    low, middle, high = (float(bound) for bound in np.quantile(shares, [0.25, 0.5, 0.75]))
    summary = facts.index.splits[split]
    return SplitLine(split, summary.patients, summary.patches, facts.classes_of(split), (low, middle, high))


def size_lines(sizes: Mapping[str, int]) -> list[SizeLine]:
    """Return the sizes other than 50×50, the most frequent first."""
    total = sum(sizes.values())
    ranked = sorted(sizes.items(), key=lambda entry: (-entry[1], entry[0]))
    return [SizeLine(size.replace("x", "×"), count, count / total) for size, count in ranked]
