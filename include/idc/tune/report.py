"""The page on a tuning job: its objective over time, its values beside what they came to, and the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from numpy.typing import NDArray

from idc.convert.report.building import Report
from idc.html.charts import MUTED, ONE, ZERO, Chart, chart
from idc.html.page import TEMPLATES
from idc.tune.trials import Trial, value_names


def brief(value: str) -> str:
    """Return a number's text to four digits, and any other as it is, without the quotes of script mode."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value.strip('"')


TEMPLATES.filters["brief"] = brief


@dataclass(frozen=True)
class Axis:
    """One hyperparameter of the parallel coordinates: each trial's place from 0 to 1, and what the ends are.

    A trial without a value of this one has NaN.
    """

    name: str
    places: NDArray[np.float64]
    ticks: tuple[tuple[float, str], ...]


def build(
    job: str,
    trials: Sequence[Trial],
    *,
    best: Trial,
    ranges: Mapping[str, Mapping[str, Any]],
    is_maximized: bool,
    variant: str,
    is_synthetic: bool,
) -> Report:
    """Return the page and its charts; `ranges` are the numeric ones of the request by hyperparameter."""
    measured = [trial for trial in trials if trial.objective is not None]
    ranked = sorted(measured, key=lambda trial: _objective(trial), reverse=is_maximized)
    names = value_names(trials)
    axes = [axis(name, ranked, ranges.get(name)) for name in names]
    charts = [objective_over_time(trials, best, is_maximized=is_maximized), coordinates(ranked, axes)]
    text = TEMPLATES.get_template("tune/report.html").render(
        job=job,
        variant=variant,
        is_synthetic=is_synthetic,
        best=best,
        names=names,
        counts=dict(Counter(trial.status for trial in trials)),
        lines=[*ranked, *(trial for trial in trials if trial.objective is None)],
        charts={one.name: Markup(one.svg) for one in charts},  # noqa: S704  (drawn by this package)
    )
    return Report(text.encode(), {one.name: one.png for one in charts})


def objective_over_time(trials: Sequence[Trial], best: Trial, *, is_maximized: bool) -> Chart:
    """Return a dot for each trial with an objective, by its end, and the best so far as a line."""
    first = min(datetime.fromisoformat(trial.created) for trial in trials)
    ended = sorted((_minutes(trial, first), _objective(trial)) for trial in trials if _is_measured(trial))
    minutes, objectives = np.array(ended).T
    so_far = (np.maximum if is_maximized else np.minimum).accumulate(objectives)

    def draw(axes: Axes) -> None:
        axes.step(minutes, so_far, where="post", color=ONE, linewidth=1.8, label="best so far")
        axes.scatter(minutes, objectives, s=34, color=ZERO, alpha=0.8, linewidths=0, label="a training job")
        axes.set_xlabel("minutes since the first training job began")
        axes.set_ylabel(best.metric)
        axes.set_xlim(left=0)
        axes.legend(loc="lower right" if is_maximized else "upper right")

    return chart("tuning", (7.2, 3.2), draw)


def coordinates(ranked: Sequence[Trial], axes_of: Sequence[Axis]) -> Chart:
    """Return a line for each trial across an axis for each hyperparameter and the objective; best first."""
    objectives = np.array([_objective(trial) for trial in ranked])
    scales = [*axes_of, _number_axis(ranked[0].metric, objectives, None)]
    places = np.column_stack([scale.places for scale in scales])

    def draw(axes: Axes) -> None:
        columns = np.arange(len(scales))
        for rank in reversed(range(len(ranked))):
            strength = 0.85 - 0.65 * rank / max(len(ranked) - 1, 1)
            colour, width = (ONE, 2.4) if rank == 0 else (ZERO, 1.2)
            alpha = 1.0 if rank == 0 else strength
            axes.plot(
                columns, places[rank], color=colour, alpha=alpha, linewidth=width, marker="o", markersize=3
            )
        for column, scale in enumerate(scales):
            axes.axvline(column, color=MUTED, linewidth=0.8, zorder=0)
            for place, text in scale.ticks:
                axes.annotate(text, (column, place), xytext=(4, 0), textcoords="offset points", fontsize=8)
        axes.set_xticks(columns, [scale.name for scale in scales], rotation=20, ha="right")
        axes.set_yticks([])
        axes.set_ylim(-0.06, 1.06)
        axes.set_xlim(-0.2, len(scales) - 0.4)
        axes.spines[["left", "bottom"]].set_visible(False)

    return chart("coordinates", (max(7.2, 1.15 * len(scales)), 3.8), draw)


def axis(name: str, trials: Sequence[Trial], numeric: Mapping[str, Any] | None) -> Axis:
    """Return the axis of one hyperparameter; `numeric` is its range in the request, None for choices."""
    texts = [trial.values.get(name) for trial in trials]
    if numeric is not None:
        return _number_axis(
            name, np.array([np.nan if text is None else float(text) for text in texts]), numeric
        )
    choices = sorted({text for text in texts if text is not None})
    step = 1 / max(len(choices) - 1, 1)
    at = {choice: number * step for number, choice in enumerate(choices)}
    places = np.array([np.nan if text is None else at[text] for text in texts])
    return Axis(name, places, tuple((place, choice.strip('"')) for choice, place in at.items()))


def _number_axis(name: str, values: NDArray[np.float64], numeric: Mapping[str, Any] | None) -> Axis:
    """Return an axis of numbers over their range and on its scale, or over what they span."""
    scale = (numeric or {}).get("ScalingType", "Linear")
    low = float(numeric["MinValue"]) if numeric else float(values.min())
    high = float(numeric["MaxValue"]) if numeric else float(values.max())
    ends = _scaled(np.array([low, high]), scale)
    span = ends[1] - ends[0]
    places = (_scaled(values, scale) - ends[0]) / span if span else np.where(np.isnan(values), np.nan, 0.5)
    return Axis(name, places, ((0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")) if span else ((0.5, f"{low:.4g}"),))


def _scaled(values: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "Logarithmic":
        return np.log(values)
    return -np.log(1 - values) if scale == "ReverseLogarithmic" else values


def _is_measured(trial: Trial) -> bool:
    return trial.objective is not None


def _objective(trial: Trial) -> float:
    assert trial.objective is not None
    return trial.objective


def _minutes(trial: Trial, first: datetime) -> float:
    ended = datetime.fromisoformat(trial.ended or trial.created)
    return (ended - first).total_seconds() / 60
