"""Charts of an evaluation: curves, calibration, confusion, patients, and the difference to the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from idc.evaluate import metrics_table
from idc.evaluate.metrics import CALIBRATION_BINS
from idc.evaluate.patients import PatientRow
from idc.evaluate.predictions import Predictions
from idc.html.charts import CLASS_NAMES, INK, MUTED, ONE, ZERO, Chart, chart

# A patient's row in the chart, and where the chart stops growing, in inches.
_ROW, _TALLEST = 0.21, 14.0


def ranking(test: Predictions, threshold: float, figures: Mapping[str, Any]) -> Chart:
    """Return the ROC and the precision-recall curve, with the threshold's point on both."""
    label, score = test.label, test.probability
    confusion = np.array(figures["confusion"])

    def draw(left: Axes, right: Axes) -> None:
        false_alarms, found, _ = sk.roc_curve(label, score)
        left.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        left.plot(false_alarms, found, color=ONE, linewidth=2)
        left.set_title(f"ROC, area {figures['roc_auc']['value']:.3f}")
        left.set_xlabel("false alarms (1 − specificity)")
        left.set_ylabel("sensitivity")
        precision, recall, _ = sk.precision_recall_curve(label, score)
        right.axhline(float(label.mean()), color=MUTED, linewidth=1, linestyle="--")
        right.plot(recall, precision, color=ONE, linewidth=2, drawstyle="steps-pre")
        right.set_title(f"precision–recall, area {figures['average_precision']['value']:.3f}")
        right.set_xlabel("sensitivity")
        right.set_ylabel("precision")
        (tn, fp), (fn, tp) = confusion
        points = ((left, fp / (fp + tn), tp / (tp + fn)), (right, tp / (tp + fn), tp / max(tp + fp, 1)))
        for axes, x, y in points:
            axes.plot([x], [y], "o", color=INK, markersize=7)
            is_left = x > 0.6  # where there is room for the words
            axes.annotate(
                f"threshold {threshold:.2f}",
                (x, y),
                xytext=(-8 if is_left else 8, -14),
                textcoords="offset points",
                ha="right" if is_left else "left",
            )
            axes.set_xlim(-0.02, 1.02)
            axes.set_ylim(-0.02, 1.03)

    return chart("ranking", (7.2, 3.5), draw, columns=2)


def reliability(raw: Predictions, calibrated: Predictions, threshold: float) -> Chart:
    """Return the share of class 1 where a probability is said, before and after, and the probabilities."""

    def draw(left: Axes, right: Axes) -> None:
        left.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        for table, name, colour in ((raw, "as answered", ZERO), (calibrated, "calibrated", ONE)):
            share, said = calibration_curve(
                table.label, table.probability, n_bins=CALIBRATION_BINS, strategy="quantile"
            )
            left.plot(said, share, marker="o", markersize=4, linewidth=1.6, color=colour, label=name)
        left.set_xlabel("mean probability said")
        left.set_ylabel("share that is IDC")
        left.set_title("reliability")
        left.legend(loc="upper left")
        edges = np.linspace(0, 1, 41)
        for klass, colour in ((0, ZERO), (1, ONE)):
            own = calibrated.probability[calibrated.label == klass]
            shares = 100 * np.histogram(own, edges)[0] / max(len(own), 1)
            right.stairs(shares, edges, fill=True, alpha=0.3, color=colour)
            right.stairs(shares, edges, linewidth=1.6, color=colour, label=CLASS_NAMES[klass])
        right.axvline(threshold, color=INK, linewidth=1.2, label="threshold")
        right.set_xlabel("calibrated probability of IDC")
        right.set_ylabel("patches of the class, %")
        right.legend(
            loc="lower right", bbox_to_anchor=(1.03, 1), ncols=3, columnspacing=1.2, handlelength=1.4
        )

    return chart("reliability", (7.2, 3.4), draw, columns=2)


def confusion(cells: Sequence[Sequence[int]]) -> Chart:
    """Return the confusion matrix: counts, and shares of what the truth is."""
    counts = np.array(cells)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)

    def draw(axes: Axes) -> None:
        for truth in (0, 1):
            for answer in (0, 1):
                share, colour = shares[truth, answer], ONE if answer else ZERO
                corner = (answer - 0.48, truth - 0.46)
                axes.add_patch(Rectangle(corner, 0.96, 0.92, color=colour, alpha=0.12 + 0.5 * share, lw=0))
                text = f"{counts[truth, answer]:,}\n{100 * share:.1f} %"
                axes.text(answer, truth, text, ha="center", va="center", fontsize=13)
        axes.set_xticks((0, 1), [f"answer: {name}" for name in CLASS_NAMES])
        axes.set_yticks((0, 1), [f"truth: {name}" for name in CLASS_NAMES])
        axes.xaxis.tick_top()
        axes.set_xlim(-0.5, 1.5)
        axes.set_ylim(1.5, -0.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return chart("confusion", (4.6, 2.7), draw)


def by_patient(rows: Sequence[PatientRow]) -> Chart:
    """Return each patient's sensitivity and specificity, the worst balanced accuracy first."""
    ranked = sorted(rows, key=lambda row: (np.nan_to_num(row.balanced_accuracy, nan=2.0), row.patient))
    places = np.arange(len(ranked))
    sensitivity = np.array([row.sensitivity for row in ranked])
    specificity = np.array([row.specificity for row in ranked])

    def draw(axes: Axes) -> None:
        axes.hlines(places, sensitivity, specificity, color=MUTED, linewidth=1, alpha=0.5)
        axes.scatter(sensitivity, places, s=26, color=ONE, linewidths=0, label="sensitivity")
        axes.scatter(specificity, places, s=26, color=ZERO, linewidths=0, label="specificity")
        axes.set_yticks(places, [row.patient for row in ranked], fontsize=8)
        axes.set_ylim(len(ranked) - 0.4, -0.6)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylabel("patient")
        axes.tick_params(left=False)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)

    return chart("patients", (7.2, min(1.2 + _ROW * len(ranked), _TALLEST)), draw)


def differences(comparison: Mapping[str, Any]) -> Chart:
    """Return the difference of each metric to the champion with its bounds, and no difference as a line."""
    compared = {key for key, one in comparison.items() if _has_difference(one)}
    metrics = metrics_table.rows_of(compared)

    def draw(axes: Axes) -> None:
        axes.axvline(0, color=MUTED, linewidth=1, linestyle="--")
        for place, metric in enumerate(metrics):
            one = comparison[metric.key]
            if one["low"] is not None:
                axes.hlines(place, one["low"], one["high"], color=ONE, linewidth=2)
            axes.plot([one["difference"]], [place], "o", color=ONE, markersize=6)
        axes.set_yticks(range(len(metrics)), [metric.label for metric in metrics])
        axes.set_ylim(len(metrics) - 0.4, -0.6)
        axes.set_xlabel("this model less the champion")
        axes.tick_params(left=False)

    return chart("differences", (7.2, 3.6), draw)


def _has_difference(one: Any) -> bool:
    return isinstance(one, Mapping) and one.get("difference") is not None
