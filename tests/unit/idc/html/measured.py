"""A candidate of a dataset, measured from answers that a function gives by the patches' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
from unit.idc.html.conftest import Converted

from idc import layout
from idc.evaluate import patients, results
from idc.evaluate.predictions import Predictions, written
from idc.evaluate.served_model import ServedModel
from idc.train import candidates
from idc.train.candidates import Candidate

PARTITION = "2026-10"
DRAWS = 60
Answers = Callable[[np.ndarray], np.ndarray]


def served(model_data: str, sha256: str) -> ServedModel:
    """A champion of an earlier partition."""
    return ServedModel(
        "tensorflow", "2026-09", "e" * 64, "job", "", model_data, sha256, 0.5, 1.0, 0.0, True, "", "", "", ""
    )


def names_of(dataset: Converted, split: str) -> np.ndarray:
    prefix = layout.dataset_prefix(dataset.digest)
    shards = [shard for shard in dataset.index.shards if shard.split == split]
    lists = [dataset.store.get(prefix + shard.key.replace(".rec", ".lst")).decode() for shard in shards]
    return np.array([line.split("\t")[2] for text in lists for line in text.splitlines()])


def predictions(dataset: Converted, answers: Answers) -> Predictions:
    sides = {split: names_of(dataset, split) for split in ("validation", "test")}
    names = np.concatenate(list(sides.values()))
    split = np.concatenate([np.full(len(own), side) for side, own in sides.items()])
    label = (np.char.find(names, "class1") >= 0).astype(np.int64)
    patient = np.array([name.partition("_")[0] for name in names.tolist()])
    return Predictions(names, patient, label, split, answers(names))


def measured_by(dataset: Converted, answers: Answers, champion: Answers | None = None) -> None:
    """Leave what the stage `evaluate` leaves of a candidate `mxnet`; fewer draws are quicker."""
    store = dataset.store
    candidate = Candidate(
        variant="mxnet",
        partition=PARTITION,
        dataset_digest=dataset.digest,
        training_job="idc-train-2026-10-mxnet-0123456789",
        model_data="s3://a-bucket/jobs/idc-train-2026-10-mxnet-0123456789/output/model.tar.gz",
        model_sha256="a" * 64,
        run_s=12,
        hyperparameters={"epochs": "3", "seed": '"7"', "sagemaker_program": '"train.py"'},
        metrics={"validation:accuracy": 0.8},
    )
    candidates.write_candidate(store, candidate)
    evaluated = results.evaluate(candidate, predictions(dataset, answers), 0.9, draws=DRAWS)
    compared = None
    if champion is not None:
        model = served("s3://a-bucket/old/model.tar.gz", "b" * 64)
        rival = results.evaluate_champion(model, predictions(dataset, champion), set(), draws=DRAWS)
        compared = results.comparison(evaluated, rival)
    document = results.metrics_document(
        evaluated, synthetic=dataset.index.synthetic, target_sensitivity=0.9, comparison=compared
    )
    assert document["calibration"] == asdict(evaluated.calibration)
    calibrated = evaluated.predictions.calibrated(evaluated.calibration)
    rows = patients.patient_rows(calibrated, evaluated.threshold)
    store.put(layout.predictions(PARTITION, "mxnet"), written(evaluated.predictions))
    store.put(layout.patients(PARTITION, "mxnet"), patients.write_rows(rows))
    candidates.write_json(store, layout.metrics(PARTITION, "mxnet"), document)
