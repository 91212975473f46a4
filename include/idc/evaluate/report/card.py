"""The model card: what a model is for, what it was made of, how good it is and where its limits are.

`card` gives the content of a SageMaker model card, of the members that a model package's card may have, which
are all members of a card of its own too: `CreateModelPackage` and `CreateModelCard` both take it.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema; after
Mitchell et al., Model Cards for Model Reporting (2019, https://arxiv.org/abs/1810.03993).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.convert.report.facts import DatasetFacts, read_facts
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import Metric
from idc.evaluate.report.statements import (
    CAVEATS,
    ETHICS,
    FACTORS,
    LICENCE,
    PURPOSE,
    RESEARCH,
    RISK,
    SYNTHETIC,
    USES,
)
from idc.html.charts import CLASS_NAMES
from idc.html.page import TEMPLATES
from idc.jobs.training import STARTS
from idc.layout import SPLITS
from idc.storage import ObjectStore
from idc.train.candidates import Candidate
from idc.train.start import trained_on
from idc.variants.all import variant

# Longest texts, and most hyperparameters and datasets, that the schema takes.
_TEXT, _HYPERPARAMETERS, _HYPERPARAMETER, _DATASETS = 1024, 100, 255, 15


def card(
    store: ObjectStore, candidate: Candidate, metrics: Mapping[str, Any], *, tuning_job: str = ""
) -> dict[str, Any]:
    """Return a candidate's model card; `metrics` is its metrics.json, `tuning_job` what found it, if any.

    Raises:
        MissingObject: the candidate's dataset is gone.
    """
    facts = read_facts(store, candidate.dataset_digest)
    label = SYNTHETIC if metrics["synthetic"] else ""
    return {
        "model_overview": {"model_creator": "Histoflow", "model_artifact": [candidate.model_data]},
        "intended_uses": {
            "purpose_of_model": f"{label}{PURPOSE}{RESEARCH}",
            "intended_uses": USES,
            "factors_affecting_model_efficiency": FACTORS,
            "risk_rating": "High",
            "explanations_for_risk_rating": f"{RISK} {RESEARCH}",
        },
        "training_details": _training(store, candidate, facts, tuning_job),
        "evaluation_details": [_evaluation(store, metrics, facts)],
        "additional_information": {
            "ethical_considerations": ETHICS,
            "caveats_and_recommendations": f"{label}{CAVEATS}",
            "custom_details": _details(candidate, metrics, facts, tuning_job),
        },
    }


def page(content: Mapping[str, Any], candidate: Candidate, metrics: Mapping[str, Any]) -> bytes:
    """Return card.html: the card for people."""
    text = TEMPLATES.get_template("evaluate/report/card.html").render(
        card=content,
        candidate=candidate,
        metrics=metrics,
        rows=metrics_table.rows(metrics["test"]),
        class_names=CLASS_NAMES,
        training=content["training_details"]["training_job_details"],
        details=content["additional_information"]["custom_details"],
    )
    return text.encode()


def _training(
    store: ObjectStore, candidate: Candidate, facts: DatasetFacts, tuning_job: str
) -> dict[str, Any]:
    splits = facts.index.splits
    told = "; ".join(
        f"{name}: {splits[name].patients:,} patients, {splits[name].patches:,} patches, "
        f"{splits[name].classes['1']:,} of class 1"
        for name in SPLITS
    )
    chosen = f" Hyperparameters found by the tuning job {tuning_job}." if tuning_job else ""
    begun = f" Incremental training from the model of {candidate.start_job}." if candidate.start_job else ""
    datasets = trained_on(store, candidate) or [candidate.dataset_digest]
    values = _hyperparameters(candidate)[:_HYPERPARAMETERS]
    return {
        "training_observations": f"Split by patient, none in two splits. {told}.{begun}{chosen}"[:_TEXT],
        "training_job_details": {
            "training_arn": candidate.training_job,
            "training_datasets": [
                store.uri(layout.dataset_prefix(digest)) for digest in datasets[:_DATASETS]
            ],
            "training_metrics": [
                {"name": name, "value": value, "notes": "the last the training job reported"}
                for name, value in candidate.metrics.items()
            ],
            "hyper_parameters": [{"name": name, "value": value[:_HYPERPARAMETER]} for name, value in values],
        },
    }


def _hyperparameters(candidate: Candidate) -> list[tuple[str, str]]:
    """Return what was chosen for the training, without what the container needs to start it."""
    plumbing = ("sagemaker_", "_")
    chosen = {
        name: value.strip('"')  # script mode's values are JSON
        for name, value in candidate.hyperparameters.items()
        if not name.startswith(plumbing)
    }
    return sorted((name, value) for name, value in chosen.items() if value)


def _evaluation(store: ObjectStore, metrics: Mapping[str, Any], facts: DatasetFacts) -> dict[str, Any]:
    test = metrics["test"]
    said = (
        f"{test['patches']:,} test patches of {test['patients']:,} patients that the model has not seen, "
        f"at the threshold {metrics['threshold']:.4f}, chosen on validation for a sensitivity of "
        f"at least {metrics['target_sensitivity']:.0%} there. "
        f"Bounds hold 95 % of resampled patients. {RESEARCH}"
    )
    groups = (("test", test), ("always class 0, test", test["always_class_0"]))
    return {
        "name": f"{metrics['variant']} on {metrics['partition']}"[:63],
        "evaluation_observation": (SYNTHETIC if metrics["synthetic"] else "") + said,
        "datasets": [store.uri(layout.dataset_prefix(facts.index.dataset_digest))],
        "metadata": {
            "threshold": f"{metrics['threshold']:.6g}",
            "temperature": f"{metrics['calibration']['temperature']:.6g}",
            "bias": f"{metrics['calibration']['bias']:.6g}",
        },
        "metric_groups": [
            *({"name": name, "metric_data": _figures(figures)} for name, figures in groups),
            {"name": "answers", "metric_data": [_confusion(test)]},
        ],
    }


def _figures(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": metric.label,
            "type": "number",
            "value": figures[metric.key]["value"],
            "notes": _bounds(metric, figures[metric.key]),
        }
        for metric in metrics_table.rows(figures)
        if figures[metric.key]["value"] is not None
    ]


def _bounds(metric: Metric, figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return f"no bounds: {figure['reason']}"
    low, high = metric.number(figure["low"]), metric.number(figure["high"])
    return f"95 % of resampled patients: {low} to {high}; {metric.direction} is better"


def _confusion(test: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "confusion matrix",
        "type": "matrix",
        "value": test["confusion"],
        "x_axis_name": [f"answer: {name}" for name in CLASS_NAMES],
        "y_axis_name": [f"truth: {name}" for name in CLASS_NAMES],
    }


def _details(
    candidate: Candidate, metrics: Mapping[str, Any], facts: DatasetFacts, tuning_job: str
) -> dict[str, str]:
    """Return what the schema has no member of its own for, as texts."""
    same = ", ".join(metrics.get("same_training", ()))
    details = {
        "problem type": "binary classification of images",
        "algorithm": variant(candidate.variant).algorithm,
        "variant": candidate.variant,
        "partition": candidate.partition,
        "model SHA-256": candidate.model_sha256,
        "training job": candidate.training_job + (f", same training job as {same}" if same else ""),
        "start": STARTS[candidate.start],
        "tuning job": tuning_job or "none",
        "dataset digest": candidate.dataset_digest,
        "snapshot": f"{facts.index.partition}, SHA-256 {facts.index.snapshot_sha256}",
        "data": "synthetic" if metrics["synthetic"] else "real",
        "source": facts.source,
        "licence of the data": "generated: none" if metrics["synthetic"] else LICENCE,
        "edge patches": facts.index.edge_patches,
        "answer": "[probability of class 0, probability of class 1], not calibrated",
        "calibrated probability": "expit(logit(p1) / temperature + bias)",
        "temperature": f"{metrics['calibration']['temperature']:.6g}",
        "bias": f"{metrics['calibration']['bias']:.6g}",
        "threshold": f"{metrics['threshold']:.6g} on the calibrated probability",
    }
    return {name: value[:_TEXT] for name, value in details.items()}
