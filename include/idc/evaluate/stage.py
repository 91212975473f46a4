"""The stage candidates → metrics: score all candidates on the same patches and measure them.

Calibration and threshold are fitted on validation. The test patients are measured with them and decide
nothing. The champion, the model behind the endpoint, scores the same patches. Every challenger is compared
with it on the test patients that the champion has not seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from idc import layout
from idc.converter.index import DatasetIndex
from idc.evaluate import answers, comparison, metrics_table, patients, results
from idc.evaluate.metrics_table import DECIDES, Place
from idc.evaluate.predictions import written
from idc.evaluate.results import Evaluated, Rival
from idc.evaluate.served_model import ServedModel
from idc.evaluate.transform import transform_spec
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates as registry, start
from idc.train.candidates import Candidate

log = logging.getLogger(__name__)


def plan(
    store: ObjectStore,
    settings: Settings,
    *,
    dag_id: str,
    partition: str,
    champion: ServedModel | None = None,
) -> list[dict[str, Any]]:
    """Return a job for each model of the partition that scores the validation and test patches.

    Candidates of one training job are one model: it is scored once, for all `variants` of its job. The
    champion gets a job too, under the name `champion`, unless it is one of the candidates.

    Raises:
        MissingObject: the partition has no candidate.
    """
    candidates = registry.candidates(store, partition)
    planned: list[dict[str, Any]] = []
    for digest in dict.fromkeys(one.model_sha256 for one in candidates):
        same = [one for one in candidates if one.model_sha256 == digest]
        spec = transform_spec(store, settings, dag_id=dag_id, candidate=same[0])
        variants = [one.variant for one in same]
        planned.append({"variant": variants[0], "variants": variants, **spec})
    if champion is not None and _same_model(candidates, champion) is None:
        scored = _on_this_dataset(champion, partition, candidates[0].dataset_digest)
        spec = transform_spec(store, settings, dag_id=dag_id, candidate=scored, name=layout.CHAMPION)
        planned.append({"variant": layout.CHAMPION, "variants": [layout.CHAMPION], **spec})
    return planned


def measure(
    store: ObjectStore,
    settings: Settings,
    *,
    partition: str,
    planned: Iterable[Mapping[str, Any]],
    jobs: Iterable[Mapping[str, Any]],
    champion: ServedModel | None = None,
) -> list[dict[str, Any]]:
    """Write every model's predictions, metrics and patients; return the figures that decide between them.

    A figure set for each candidate: `{"variant", "is_champion", "threshold", "calibration", "validation":
    {"balanced_accuracy"}, "test": {"<metric>": {"value", "low", "high"}}, "comparison"}`.

    Raises:
        ConflictError: a candidate has been trained again since it was scored.
    """
    scored = [
        (variant, one, job["job"])
        for one, job in zip(planned, jobs, strict=True)
        for variant in one["variants"]
    ]
    job_of = {variant: job for variant, _, job in scored}
    candidates = [
        _as_scored(store, partition, variant, one) for variant, one, _ in scored if variant != layout.CHAMPION
    ]
    index = registry.dataset_index(store, candidates[0].dataset_digest)
    target = settings.target_sensitivity
    evaluated = [
        results.evaluate(one, answers.joined(store, index, job_of[one.variant]), target) for one in candidates
    ]
    rival = _rival(store, index, champion, evaluated, job_of)
    if rival is not None:
        _write_champion(store, partition, index, rival)
    documents, figures = [], []
    same = registry.same_training(candidates)
    for one in evaluated:
        is_champion = champion is not None and one.candidate.model_sha256 == champion.model_sha256
        compared = results.comparison(one, rival) if rival is not None and not is_champion else None
        document = results.metrics_document(
            one,
            synthetic=index.synthetic,
            target_sensitivity=target,
            comparison=compared,
            same_training=same[one.candidate.variant],
        )
        _write(store, partition, one, document)
        documents.append(document)
        figures.append(_figures(document, is_champion=is_champion))
    _log(documents, rival)
    return figures


def _as_scored(store: ObjectStore, partition: str, variant: str, planned: Mapping[str, Any]) -> Candidate:
    """Return a variant's candidate; refuse a model that was trained after the plan was made."""
    candidate = registry.candidate(store, partition, variant)
    scored = planned["model"]["PrimaryContainer"]["Environment"]["MODEL_SHA256"]
    if candidate.model_sha256 != scored:
        registry.refuse_other_model(candidate, candidate.model_sha256, scored)
    return candidate


def _same_model(candidates: Iterable[Candidate], champion: ServedModel) -> Candidate | None:
    return next((one for one in candidates if one.model_sha256 == champion.model_sha256), None)


def _on_this_dataset(champion: ServedModel, partition: str, dataset_digest: str) -> Candidate:
    """Return the champion's artifact as something to score on the partition's dataset."""
    return Candidate(
        variant=champion.variant,
        partition=partition,
        dataset_digest=dataset_digest,
        training_job=champion.training_job,
        model_data=champion.model_data,
        model_sha256=champion.model_sha256,
        run_s=None,
        hyperparameters={},
        metrics={},
    )


def _rival(
    store: ObjectStore,
    index: DatasetIndex,
    champion: ServedModel | None,
    evaluated: list[Evaluated],
    job_of: Mapping[str, str],
) -> Rival | None:
    """Return the measured champion; if a candidate is the champion, reuse its answers."""
    if champion is None:
        return None
    own = [one.predictions for one in evaluated if one.candidate.model_sha256 == champion.model_sha256]
    predictions = own[0] if own else answers.joined(store, index, job_of[layout.CHAMPION])
    return results.evaluate_champion(champion, predictions, start.seen_patients(store, champion))


def _write(store: ObjectStore, partition: str, one: Evaluated, document: Mapping[str, Any]) -> None:
    variant, calibrated = one.candidate.variant, one.predictions.calibrated(one.calibration)
    rows = patients.patient_rows(calibrated, one.threshold)
    store.put(layout.predictions(partition, variant), written(one.predictions))
    store.put(layout.patients(partition, variant), patients.write_rows(rows))
    registry.write_json(store, layout.metrics(partition, variant), document)


def _write_champion(store: ObjectStore, partition: str, index: DatasetIndex, rival: Rival) -> None:
    document = results.champion_document(
        rival, partition=partition, dataset_digest=index.dataset_digest, synthetic=index.synthetic
    )
    store.put(layout.predictions(partition, layout.CHAMPION), written(rival.predictions))
    if rival.test is not None:
        rows = patients.patient_rows(rival.test.predictions, rival.model.threshold)
        store.put(layout.patients(partition, layout.CHAMPION), patients.write_rows(rows))
    registry.write_json(store, layout.metrics(partition, layout.CHAMPION), document)


def _figures(document: Mapping[str, Any], *, is_champion: bool) -> dict[str, Any]:
    """Return the figures for the task's XCom."""
    compared = document["comparison"]
    told = [metric.key for metric in metrics_table.shown(Place.TASKS)]
    kept = (*told, "champion", "patients", "left_out_patients")
    return {
        "variant": document["variant"],
        "is_champion": is_champion,
        "threshold": document["threshold"],
        "calibration": document["calibration"],
        "validation": {DECIDES: document["validation"][DECIDES]["value"]},
        "test": {name: document["test"][name] for name in told},
        "comparison": compared and {name: compared[name] for name in kept},
    }


def _log(documents: list[dict[str, Any]], rival: Rival | None) -> None:
    test = documents[0]["test"]
    log.info(
        "%d test patches of %d patients, with 95 %% bounds over patients. Research software, not a "
        "diagnostic device.\n%s",
        test["patches"],
        test["patients"],
        comparison.text(documents),
    )
    if rival is not None:
        log.info(
            "Champion: %s of %s; %d test patients that it has seen are left out of the comparison.",
            rival.model.variant,
            rival.model.partition,
            rival.left_out_patients,
        )
