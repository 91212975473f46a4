from __future__ import annotations

import json

import numpy as np

from idc.evaluate import comparison
from idc.evaluate.metrics import measure
from idc.evaluate.predictions import Predictions


def metrics(variant: str, shift: float) -> dict[str, object]:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 200)
    patient = np.repeat(np.arange(10), 20).astype(str)
    score = np.clip(rng.normal(0.5, 0.1, 200) + shift * (label - 0.5), 0, 1)
    names = np.array([f"p{at}" for at in range(200)])
    predictions = Predictions(names, patient, label, np.full(200, "test"), score)
    measured = measure(predictions, threshold=0.5, seed=1, draws=50).to_dict()
    return {"variant": variant, "test": json.loads(json.dumps(measured))}


def test_a_row_a_candidate_and_the_yardstick_last() -> None:
    text = comparison.text([metrics("mxnet", 0.5), metrics("tensorflow", 0.1)])

    header, first, second, last = text.splitlines()
    for name in ("candidate", "accuracy", "balanced accuracy", "sensitivity", "specificity", "F1", "AUC"):
        assert name in header
    assert (first.split()[0], second.split()[0]) == ("mxnet", "tensorflow")
    assert last.startswith("always class 0")
    assert "0.500 (0.500–0.500)" in last
    assert first.count("–") == 6


def test_what_does_not_exist_is_none() -> None:
    missing = {"value": None, "low": None, "high": None}
    one = metrics("mxnet", 0.5)
    one["test"]["roc_auc"] = missing  # type: ignore[index]

    assert comparison.rows([one])[0][comparison.header().index("AUC-ROC")] == "none"
