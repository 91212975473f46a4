"""Decide whether a candidate is deployed: judge its gates. Pure functions, no calls."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from idc.deploy.version import Version
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import DECIDES, Direction, Metric
from idc.settings import Settings


class Outcome(enum.StrEnum):
    """The outcome of a decision."""

    DEPLOY = "deploy"
    KEEP = "keep"


@dataclass(frozen=True)
class Gates:
    """What a candidate must show: limits of its metrics' judged 95 % bounds over test patients, by key."""

    limits: Mapping[str, float]
    tolerance: float
    is_strict: bool

    @classmethod
    def of(cls, settings: Settings) -> Gates:
        """Return the gates of the settings."""
        return cls(
            {metric.key: getattr(settings, metric.gate) for metric in metrics_table.gated()},
            settings.gate_tolerance,
            settings.gates == "strict",
        )


@dataclass(frozen=True)
class Gate:
    """One gate: observed and required value, and whether it passed."""

    name: str
    observed: str
    required: str
    is_passed: bool

    def __str__(self) -> str:
        """Return a line for a log or a report."""
        verdict = "passed" if self.is_passed else "missed"
        return f"{self.name} {verdict}: {self.observed}, required {self.required}"


@dataclass(frozen=True)
class SmokeSet:
    """What one test patient's patches of each class were answered: the mean probability of class 1."""

    patient: str
    class_0: float
    class_1: float


@dataclass(frozen=True)
class Challenger:
    """The candidate that may be served: its metrics.json, its artifact's digest, its smoke set."""

    metrics: Mapping[str, Any]
    model_sha256: str
    synthetic: bool
    smoke_set: SmokeSet | None


@dataclass(frozen=True)
class Decision:
    """The decision about a partition's best candidate; `is_waived` if it is deployed with a missed gate."""

    outcome: Outcome
    variant: str
    gates: tuple[Gate, ...]
    reasons: tuple[str, ...]
    is_waived: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain values."""
        return {**asdict(self), "outcome": str(self.outcome)}


def decide(challenger: Challenger, champion: Version | None, gates: Gates) -> Decision:
    """Judge a candidate against the gates and against the model that is served now, if any.

    Synthetic models never replace real ones and are never compared with them. The served model with another
    threshold or calibration is not compared with itself, but must pass the gates.
    """
    variant = challenger.metrics["variant"]
    served = champion.served if champion else None
    is_served = served is not None and served.model_sha256 == challenger.model_sha256
    if (
        served
        and is_served
        and _rule(challenger.metrics) == (served.threshold, served.temperature, served.bias)
    ):
        return Decision(Outcome.DEPLOY, variant, (), (f"{variant} is served already",))
    if champion and served and challenger.synthetic and not served.synthetic:
        reason = f"{variant} was trained on generated patches, {champion.name} on patients'"
        return Decision(Outcome.KEEP, variant, (), (reason,))
    is_rival = served and not is_served and served.synthetic == challenger.synthetic
    rival = champion if is_rival else None
    judged = tuple(_judged(challenger, rival, gates))
    missed = [str(gate) for gate in judged if not gate.is_passed]
    if not missed:
        return Decision(Outcome.DEPLOY, variant, judged, (f"{variant} passed every gate",))
    if rival is None and not is_served and not gates.is_strict:
        why = "served nevertheless: it is the first model here (HISTOFLOW_GATES=strict would refuse it)"
        return Decision(Outcome.DEPLOY, variant, judged, (*missed, why), is_waived=True)
    return Decision(Outcome.KEEP, variant, judged, tuple(missed))


def _rule(metrics: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return threshold, temperature and bias, which turn an answer into a result."""
    calibration = metrics["calibration"]
    return metrics["threshold"], calibration["temperature"], calibration["bias"]


def _judged(challenger: Challenger, rival: Version | None, gates: Gates) -> Sequence[Gate]:
    test = challenger.metrics["test"]
    found = [
        *(_bound(test, metric, gates.limits[metric.key]) for metric in metrics_table.gated()),
        _smoke(challenger.smoke_set),
    ]
    return [*found, _comparison(challenger.metrics, rival, gates.tolerance)] if rival else found


def _bound(test: Mapping[str, Any], metric: Metric, limit: float) -> Gate:
    """Return the gate for a metric's judged bound; a bound that does not exist does not pass."""
    bound = test.get(metric.key, {}).get(metric.judged_bound)
    is_higher_better = metric.direction is Direction.HIGHER
    name, relation = ("lower", "at least") if is_higher_better else ("upper", "at most")
    observed = f"no {name} bound" if bound is None else f"{name} bound {metric.number(bound)}"
    is_passed = bound is not None and (bound >= limit if is_higher_better else bound <= limit)
    observed = f"{observed} over {test['patients']} test patients"
    return Gate(metric.label, observed, f"{relation} {metric.number(limit)}", is_passed)


def _smoke(found: SmokeSet | None) -> Gate:
    required = "class 1 above class 0"
    if found is None:
        return Gate("smoke set", "no test patient has patches of both classes", required, False)
    observed = f"patient {found.patient}: class 1 {found.class_1:.3f}, class 0 {found.class_0:.3f}"
    return Gate("smoke set", observed, required, found.class_1 > found.class_0)


def _comparison(metrics: Mapping[str, Any], rival: Version, tolerance: float) -> Gate:
    """Return the gate that a challenger is not worse than the champion on the same test patients."""
    name = f"not worse than {rival.name}"
    required = f"lower bound of the difference at least {-tolerance:.3f}"
    comparison = metrics.get("comparison")
    if comparison is None:
        return Gate(name, "no comparison with it was made when this run began", required, False)
    metric = metrics_table.metric(DECIDES)
    difference = comparison.get(metric.key) or {}
    compared_with = comparison.get("champion", {}).get("model_sha256", rival.served.model_sha256)
    if compared_with != rival.served.model_sha256:
        observed = "compared with another model, which was served when this run began"
        return Gate(name, observed, required, False)
    if difference.get("low") is None:
        left_out = comparison.get("left_out_patients", 0)
        observed = f"not comparable, {left_out} test patients are known to the champion"
        return Gate(name, observed, required, False)
    observed = (
        f"difference in {metric.label} {difference['difference']:+.3f} "
        f"({difference['low']:+.3f} to {difference['high']:+.3f}) over {comparison['patients']} patients"
    )
    return Gate(name, observed, required, difference["low"] >= -tolerance)
