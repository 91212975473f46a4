"""Evaluate a model's predictions and compose its metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from idc.evaluate import calibration, pairing
from idc.evaluate.answers import SCORED
from idc.evaluate.calibration import Calibration
from idc.evaluate.metrics import Measured, calibration_of, measure
from idc.evaluate.predictions import Predictions
from idc.evaluate.served_model import ServedModel
from idc.evaluate.threshold import choose_threshold
from idc.train.candidates import Candidate

SEED = 7
DRAWS = 1000
VALIDATION_DRAWS = 200  # its bounds are for orientation: the threshold was chosen on it


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A candidate's predictions, raw, with the calibration and the threshold that validation gave it."""

    candidate: Candidate
    predictions: Predictions
    calibration: Calibration
    threshold: float
    test: Measured


@dataclass(frozen=True, eq=False)
class Rival:
    """The champion on the test patients it has not seen; None of them, no measurement."""

    model: ServedModel
    seen: set[str] | None
    predictions: Predictions
    test: Measured | None
    left_out_patients: int


def evaluate(
    candidate: Candidate, predictions: Predictions, target_sensitivity: float, *, draws: int = DRAWS
) -> Evaluated:
    """Calibrate a candidate and choose its threshold on validation, measure it on the test patients."""
    validation, test = (predictions.of(split) for split in SCORED)
    fitted = calibration.fit(validation.label, validation.probability)
    threshold = choose_threshold(validation.calibrated(fitted), target_sensitivity)
    measured = measure(test.calibrated(fitted), threshold=threshold, seed=SEED, draws=draws)
    return Evaluated(candidate, predictions, fitted, threshold, measured)


def evaluate_champion(
    model: ServedModel, predictions: Predictions, seen: set[str] | None, *, draws: int = DRAWS
) -> Rival:
    """Measure the champion, with its own calibration and threshold, on the test patients it has not seen."""
    test = predictions.of("test")
    unseen = pairing.unseen(test, seen)
    patients, kept = (len(set(one.patient.tolist())) for one in (test, unseen))
    calibrated = unseen.calibrated(Calibration(model.temperature, model.bias))
    measured = measure(calibrated, threshold=model.threshold, seed=SEED, draws=draws) if kept else None
    return Rival(model, seen, predictions, measured, patients - kept)


def comparison(challenger: Evaluated, champion: Rival) -> dict[str, Any]:
    """Return the `comparison` of metrics.json: challenger less champion on patients neither has seen."""
    if champion.test is None:
        reason = pairing.SPLIT_IS_GONE if champion.seen is None else pairing.NOBODY_LEFT
        differences = pairing.nothing_to_compare(list(challenger.test.by_draw), reason)
    else:
        differences = pairing.compare(_among(challenger, champion, champion.test), champion.test)
    return {
        "champion": pairing.described(champion.model),
        **differences,
        "patients": champion.test.patients if champion.test else 0,
        "left_out_patients": champion.left_out_patients,
    }


def metrics_document(
    evaluated: Evaluated,
    *,
    synthetic: bool,
    target_sensitivity: float,
    comparison: dict[str, Any] | None,
    same_training: Sequence[str] = (),
) -> dict[str, Any]:
    """Return a candidate's metrics.json; `same_training` are the variants of the same training job."""
    candidate, threshold = evaluated.candidate, evaluated.threshold
    validation, test = (evaluated.predictions.of(split) for split in SCORED)
    measured = measure(
        validation.calibrated(evaluated.calibration), threshold=threshold, seed=SEED, draws=VALIDATION_DRAWS
    )
    return {
        "variant": candidate.variant,
        "partition": candidate.partition,
        "dataset_digest": candidate.dataset_digest,
        "model_data": candidate.model_data,
        "same_training": list(same_training),
        "synthetic": synthetic,
        "threshold": threshold,
        "target_sensitivity": target_sensitivity,
        "calibration": asdict(evaluated.calibration),
        "test": {**evaluated.test.to_dict(), "uncalibrated": calibration_of(test, seed=SEED, draws=DRAWS)},
        "validation": measured.to_dict(),
        "comparison": comparison,
    }


def champion_document(
    champion: Rival, *, partition: str, dataset_digest: str, synthetic: bool
) -> dict[str, Any]:
    """Return the champion's metrics.json on this partition; `test` is None if it has seen everybody."""
    model = champion.model
    return {
        "variant": model.variant,
        "partition": partition,
        "dataset_digest": dataset_digest,
        "model_data": model.model_data,
        "synthetic": synthetic,
        "threshold": model.threshold,
        "calibration": {"temperature": model.temperature, "bias": model.bias},
        "test": champion.test.to_dict() if champion.test else None,
        "validation": None,
        "comparison": None,
        "champion": pairing.described(model),
        "left_out_patients": champion.left_out_patients,
    }


def _among(challenger: Evaluated, champion: Rival, measured: Measured) -> Measured:
    """Return the challenger measured as the champion is, on the patients that count in the comparison."""
    if not champion.left_out_patients:
        return challenger.test
    own = pairing.unseen(challenger.predictions.of("test"), champion.seen)
    calibrated = own.calibrated(challenger.calibration)
    draws = len(measured.draws.times) - 1
    return measure(calibrated, threshold=challenger.threshold, seed=SEED, draws=draws)
