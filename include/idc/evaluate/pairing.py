"""Compare challenger and champion on the same test patches and the same draws of patients.

The champion may have seen patients who are test patients here, in its own dataset or in one behind the model
that it began with. They are left out of the comparison and counted.
"""

from __future__ import annotations

from typing import Any

from idc.errors import InputError
from idc.evaluate.bootstrap import bounded
from idc.evaluate.metrics import Measured
from idc.evaluate.predictions import Predictions
from idc.evaluate.served_model import ServedModel

NOBODY_LEFT = "the champion has seen every test patient"
SPLIT_IS_GONE = "the split of the champion's dataset is gone: whom it has seen is not known"


def unseen(predictions: Predictions, seen: set[str] | None) -> Predictions:
    """Return the patches of the patients the champion has not seen."""
    return predictions.without(set(predictions.patient.tolist()) if seen is None else seen)


def compare(challenger: Measured, champion: Measured) -> dict[str, dict[str, Any]]:
    """Return `{"<metric>": {"difference", "low", "high"}}`, challenger less champion.

    Both are of the same patches and drawn by the same seed, so that each difference is within one draw.

    Raises:
        InputError: they are of other patches.
    """
    if set(challenger.predictions.patch.tolist()) != set(champion.predictions.patch.tolist()):
        observed, expected = "of other patches than the champion's", "the same"
        raise InputError("predictions", "of the challenger", observed, expected, "Score both again.")
    return {
        name: bounded(values - champion.by_draw[name], challenger.patients, "difference")
        for name, values in challenger.by_draw.items()
    }


def nothing_to_compare(names: list[str], reason: str) -> dict[str, dict[str, Any]]:
    """Return a comparison without a figure, and why."""
    return {name: {"difference": None, "low": None, "high": None, "reason": reason} for name in names}


def described(champion: ServedModel) -> dict[str, Any]:
    """Return what a comparison says of the champion."""
    return {
        "variant": champion.variant,
        "partition": champion.partition,
        "dataset_digest": champion.dataset_digest,
        "model_data": champion.model_data,
        "model_sha256": champion.model_sha256,
        "threshold": champion.threshold,
        "calibration": {"temperature": champion.temperature, "bias": champion.bias},
    }
