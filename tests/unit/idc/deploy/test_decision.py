"""Which candidates are served: the gates, the champion, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from idc.deploy.decision import Challenger, Gates, Outcome, SmokeSet, decide
from idc.deploy.version import Version
from idc.evaluate.served_model import ServedModel

GATES = Gates(limits={"balanced_accuracy": 0.7, "recall": 0.75}, tolerance=0.02, is_strict=False)
STRICT = replace(GATES, is_strict=True)
SERVED = ServedModel(
    variant="tensorflow",
    partition="2026-09",
    dataset_digest="d" * 64,
    training_job="t",
    tuning_job="",
    model_data="s3://b/k",
    model_sha256="a" * 64,
    threshold=0.4,
    temperature=1.0,
    bias=0.0,
    synthetic=False,
    code_digest="",
    metrics_uri="",
    card_uri="",
    report_uri="",
)
GOOD = SmokeSet("9", 0.2, 0.8)
CHAMPION = Version("arn:1", 4, "Approved", "", "2026-09-01", "idc", SERVED)


def bounded(low: float | None) -> dict[str, float | None]:
    return {"value": 0.9, "low": low, "high": 0.95}


def compared(low: float, **changes: Any) -> dict[str, Any]:
    difference = {"difference": low + 0.02, "low": low, "high": low + 0.04}
    return {"balanced_accuracy": difference, "patients": 30, "left_out_patients": 2, **changes}


def challenger(
    *,
    balanced_accuracy: float | None = 0.8,
    sensitivity: float | None = 0.85,
    comparison: dict[str, Any] | None = None,
    smoke_set: SmokeSet | None = GOOD,
    **changes: Any,
) -> Challenger:
    metrics = {
        "variant": "mxnet",
        "test": {
            "patients": 32,
            "balanced_accuracy": bounded(balanced_accuracy),
            "recall": bounded(sensitivity),
        },
        "comparison": comparison,
        "threshold": 0.4,
        "calibration": {"temperature": 1.0, "bias": 0.0},
    }
    return replace(Challenger(metrics, "b" * 64, False, smoke_set), **changes)


@pytest.mark.parametrize("gates", [GATES, STRICT])
def test_one_that_passes_every_gate_is_deployed(gates: Gates) -> None:
    first = decide(challenger(), None, gates)
    against = decide(challenger(comparison=compared(-0.01)), CHAMPION, gates)

    assert (first.outcome, first.is_waived, len(first.gates)) == (Outcome.DEPLOY, False, 3)
    assert (against.outcome, against.is_waived, len(against.gates)) == (Outcome.DEPLOY, False, 4)
    assert against.reasons == ("mxnet passed every gate",)


@pytest.mark.parametrize(
    ("weak", "message"),
    [
        ({"balanced_accuracy": 0.69}, "balanced accuracy missed: lower bound 0.690 over 32 test patients"),
        ({"balanced_accuracy": None}, "balanced accuracy missed: no lower bound"),
        ({"sensitivity": 0.7}, "sensitivity missed: lower bound 0.700 over 32 test patients, required at"),
        ({"smoke_set": SmokeSet("9", 0.5, 0.4)}, "smoke set missed: patient 9: class 1 0.400, class 0 0.500"),
        ({"smoke_set": None}, "smoke set missed: no test patient"),
    ],
)
def test_a_missed_gate_refuses_all_but_the_first_model_and_is_never_silent(
    weak: dict[str, Any], message: str
) -> None:
    first = decide(challenger(**weak), None, GATES)
    strict = decide(challenger(**weak), None, STRICT)
    against = decide(challenger(comparison=compared(0.1), **weak), CHAMPION, GATES)

    assert (first.outcome, first.is_waived) == (Outcome.DEPLOY, True)
    assert "first model" in first.reasons[-1]
    assert (strict.outcome, against.outcome) == (Outcome.KEEP, Outcome.KEEP)
    assert all(found.reasons[0].startswith(message) for found in (first, strict, against))


@pytest.mark.parametrize(
    ("comparison", "message"),
    [
        (compared(-0.08), "-0.060 (-0.080 to -0.040) over 30 patients"),
        (compared(0, balanced_accuracy=None), "not comparable, 2 test patients are known to the champion"),
        (None, "no comparison with it was made"),
        (compared(0.1, champion={"model_sha256": "c" * 64}), "compared with another model"),
    ],
)
def test_one_that_is_not_shown_to_be_as_good_as_the_champion_is_not_deployed(
    comparison: dict[str, Any] | None, message: str
) -> None:
    found = decide(challenger(comparison=comparison), CHAMPION, GATES)

    assert found.outcome is Outcome.KEEP
    [reason] = found.reasons
    assert reason.startswith("not worse than v4-tensorflow missed: ")
    assert message in reason


def test_the_champion_itself_is_deployed_again_whatever_the_gates_say() -> None:
    again = challenger(balanced_accuracy=0.1, model_sha256="a" * 64)
    again = replace(again, metrics={**again.metrics, "variant": "tensorflow"})

    found = decide(again, CHAMPION, STRICT)

    assert (found.outcome, found.reasons) == (Outcome.DEPLOY, ("tensorflow is served already",))


@pytest.mark.parametrize("rule", [{"threshold": 0.3}, {"calibration": {"temperature": 1.2, "bias": 0.0}}])
def test_the_champion_with_another_threshold_is_deployed_if_it_passes_the_gates(rule: dict[str, Any]) -> None:
    def again(**changes: Any) -> Challenger:
        found = challenger(model_sha256="a" * 64, **changes)
        return replace(found, metrics={**found.metrics, "variant": "tensorflow", **rule})

    good, bad = decide(again(), CHAMPION, GATES), decide(again(sensitivity=0.1), CHAMPION, GATES)

    assert (good.outcome, good.reasons) == (Outcome.DEPLOY, ("tensorflow passed every gate",))
    assert (bad.outcome, bad.is_waived) == (Outcome.KEEP, False)


def test_generated_patches_never_replace_patients() -> None:
    found = decide(challenger(synthetic=True, comparison=compared(0.1)), CHAMPION, GATES)

    assert found.outcome is Outcome.KEEP
    assert "generated patches" in found.reasons[0]


def test_a_model_of_generated_patches_is_no_champion_to_one_of_patients() -> None:
    synthetic = replace(CHAMPION, served=replace(SERVED, synthetic=True))

    assert decide(challenger(), synthetic, STRICT).outcome is Outcome.DEPLOY
    assert decide(challenger(sensitivity=0.1), synthetic, STRICT).outcome is Outcome.KEEP
