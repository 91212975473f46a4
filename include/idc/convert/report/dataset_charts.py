"""The charts of a dataset's report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from idc.convert.report.colours import Colours
from idc.converter.split import SplitRow
from idc.html.charts import CLASS_NAMES, INK, ONE, ZERO, Chart, chart
from idc.layout import SPLITS


def class_balance(classes: dict[str, tuple[int, int]]) -> Chart:
    """Return the patches of each class in each split as bars of shares; `classes` is keyed by split."""

    def draw(axes: Axes) -> None:
        splits = [split for split in SPLITS if sum(classes[split])]
        for label, colour in ((0, ZERO), (1, ONE)):
            shares = [100 * classes[split][label] / sum(classes[split]) for split in splits]
            starts = [100 - share if label else 0 for share in shares]
            axes.barh(splits, shares, left=starts, color=colour, height=0.62, label=CLASS_NAMES[label])
            for row, (share, start) in enumerate(zip(shares, starts, strict=True)):
                axes.text(start + share / 2, row, f"{share:.1f} %", ha="center", va="center", color="white")
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the patches, %")
        axes.tick_params(left=False)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)

    return chart("classes", (7.2, 2.5), draw)


def patients_by_share(rows: Sequence[SplitRow]) -> Chart:
    """Return one dot per patient: the share of IDC among its patches, by split, larger with more patches."""

    def draw(axes: Axes) -> None:
        most = max(row.patches for row in rows)
        for level, split in enumerate(SPLITS):
            own = [row for row in rows if row.split == split and row.patches]
            shares = np.array([100 * row.class1 / row.patches for row in own])
            sizes = np.array([8 + 110 * row.patches / most for row in own])
            axes.scatter(shares, level + _spread(shares), s=sizes, color=ONE, alpha=0.6, linewidths=0)
            if own:
                axes.vlines(float(np.median(shares)), level - 0.38, level + 0.38, color=INK, linewidth=1.5)
        axes.set_yticks(range(len(SPLITS)), SPLITS)
        axes.set_ylim(len(SPLITS) - 0.5, -0.5)
        axes.set_xlim(-2, 102)
        axes.set_xlabel("share of a patient's patches that are IDC, %")
        axes.tick_params(left=False)

    return chart("patients", (7.2, 3.4), draw)


def stain_amounts(colours: Colours) -> Chart:
    """Return how the amounts of both stains are spread over the sampled patches of each class."""

    def draw(left: Axes, right: Axes) -> None:
        for axes, stain in ((left, "hematoxylin"), (right, "eosin")):
            both = [colours.of(label, stain) for label in (0, 1)]
            low, high = np.quantile(np.concatenate(both), [0.002, 0.998])
            edges = np.linspace(low, high if high > low else low + 1e-3, 36)
            for label, colour in ((0, ZERO), (1, ONE)):
                shares = 100 * np.histogram(both[label], edges)[0] / len(both[label])
                axes.stairs(shares, edges, fill=True, alpha=0.3, color=colour)
                axes.stairs(shares, edges, linewidth=1.6, color=colour, label=CLASS_NAMES[label])
            axes.set_title(stain)
            axes.set_xlabel("mean amount in a patch")
            axes.locator_params(axis="x", nbins=5)
        left.set_ylabel("patches of the class, %")
        right.legend()

    return chart("stains", (7.2, 2.9), draw, columns=2)


def _spread(shares: np.ndarray) -> np.ndarray:
    """Return offsets that keep dots of nearly the same share apart: each takes the next of five lanes."""
    lanes = np.array([0.0, 0.16, -0.16, 0.3, -0.3])
    offsets = np.empty(len(shares))
    offsets[np.argsort(shares, kind="stable")] = lanes[np.arange(len(shares)) % len(lanes)]
    return offsets
