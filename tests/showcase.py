"""Three years of a working product, cheaply: objects, jobs and a served model for pages to show."""

from __future__ import annotations

import json
import random
import time
from typing import Any

from local_aws import LocalAws, archive, wait_until

from embedded_aws.store import kinds
from embedded_aws.store.resources import Kind, Store
from idc import layout
from idc.evaluate.metrics_table import METRICS
from idc.evaluate.served_model import ServedModel
from idc.layout import CHAMPION
from idc.storage import ObjectStore
from idc.variants.all import VARIANTS

DIGEST = "0123456789abcdef" * 4
ENDPOINT = "histoflow-idc"
TUNING_JOB = "2026-10-mxnet-0123456789"
DAY_S = 86400.0
ANSWERS = "def model_fn(model_dir):\n    return lambda data: [0.25, 0.75]\n"
PICTURE = bytes.fromhex(  # one white pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63f80f00010101001b0e21bd0000000049454e44ae426082"
)
LEVELS = {
    "accuracy": 0.86,
    "balanced_accuracy": 0.84,
    "f1": 0.76,
    "precision": 0.71,
    "recall": 0.89,
    "specificity": 0.8,
    "roc_auc": 0.92,
    "average_precision": 0.85,
    "brier_score": 0.11,
    "recall_at_90_specificity": 0.75,
    "expected_calibration_error": 0.04,
}
assert set(LEVELS) == {metric.key for metric in METRICS}


def months(number: int, last_year: int = 2026, last_month: int = 10) -> list[str]:
    """So many partitions up to one, oldest first."""
    last = last_year * 12 + last_month - 1
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(last - number + 1, last + 1)]


def fill_bucket(store: ObjectStore, partitions: list[str]) -> None:
    """Write candidates, a champion and a decision for each partition, and what was tuned."""
    chance = random.Random(7)
    for at, partition in enumerate(partitions):
        for variant in (*VARIANTS, CHAMPION):
            prefix = layout.candidate_prefix(partition, variant)
            metrics = _metrics(chance, partition, variant, at / max(len(partitions) - 1, 1))
            _put(store, f"{prefix}metrics.json", metrics)
            if variant != CHAMPION:
                _put(store, f"{prefix}candidate.json", _candidate(partition, variant))
        _put(store, f"candidates/{partition}/decision.json", _decision(partition))
    newest = layout.candidate_prefix(partitions[-1], "mxnet")
    for name in ("report.html", "card.html"):
        store.put(f"{newest}{name}", f"<!doctype html><title>{name}</title><p>A {name} of mxnet.".encode())
    for name in ("8863.png", "9083.png"):
        store.put(f"{newest}heatmaps/{name}", PICTURE)
    tuned = [_tuned(month, 0.9 + number / 100) for number, month in enumerate(partitions[-2:])]
    _put(store, layout.tuned_defaults("mxnet"), {"current": tuned[-1], "history": [None, *tuned[:-1]]})
    for at in range(1, 21):
        day = f"{partitions[-1]}-{at:02d}"
        _put(store, layout.monitoring(day), _monitored(partitions[-1], day, has_drifted=at > 18))
        store.put(layout.monitoring_report(day), f"<!doctype html><p>What {day} was like.".encode())


def fill_jobs(aws: LocalAws, number: int, prefix: str = "shown") -> None:
    """Put finished jobs into the embedded AWS as so many months of work would have left them."""
    chance, now = random.Random(7), time.time()
    store = Store(aws.home / "state.sqlite3")
    try:
        with store.transaction():
            for at in range(number):
                created = now - (number - at) * DAY_S / 8
                kind, name, document = _job(chance, at, prefix, round(created, 3))
                store.insert(kind, name, document[f"{kind.name}Arn"], document)
    finally:
        store.close()


def forget_jobs(aws: LocalAws, prefix: str = "shown") -> None:
    """Remove what `fill_jobs` put there."""
    store = Store(aws.home / "state.sqlite3")
    try:
        store.execute("DELETE FROM resource WHERE name LIKE ?", (f"{prefix}-%",))
    finally:
        store.close()


def serve(aws: LocalAws, partition: str) -> str:
    """Register a model version, serve it, and return the version's ARN."""
    sagemaker = aws.client("sagemaker")
    aws.client("s3").put_object(
        Bucket=aws.bucket, Key="models/shown/model.tar.gz", Body=archive(code__inference=ANSWERS)
    )
    data = f"s3://{aws.bucket}/models/shown/model.tar.gz"
    sagemaker.create_model_package_group(ModelPackageGroupName=ENDPOINT)
    arn = ""
    for bias in (0.1, 0.2):
        arn = sagemaker.create_model_package(
            ModelPackageGroupName=ENDPOINT,
            InferenceSpecification={
                "Containers": [{"Image": aws.image, "ModelDataUrl": data}],
                "SupportedContentTypes": ["application/x-image"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={
                name: text for name, text in _served(aws, partition, data, bias).to_metadata().items() if text
            },
        )["ModelPackageArn"]
    sagemaker.create_model(
        ModelName="shown", PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=aws.role_arn
    )
    variant = {
        "VariantName": "v2-mxnet",
        "ModelName": "shown",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="shown", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="shown")
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService")
    return str(arn)


def _metrics(chance: random.Random, partition: str, variant: str, age: float) -> dict[str, Any]:
    def side() -> dict[str, Any]:
        measured: dict[str, Any] = {"patients": 30, "patches": 3754}
        for name, level in LEVELS.items():
            value = level + 0.05 * (age - 1) * (level > 0.5) + chance.gauss(0, 0.008)
            measured[name] = {"value": value, "low": value - 0.03, "high": min(value + 0.025, 1)}
        return measured

    test = side()
    test["roc_auc"]["low"] = None if variant == "builtin-sdk" else test["roc_auc"]["low"]
    comparison = {
        "champion": {"variant": "mxnet", "partition": partition},
        "balanced_accuracy": {"difference": 0.012, "low": -0.004, "high": 0.027},
        "patients": 30,
        "left_out_patients": 0,
    }
    return {
        "variant": "mxnet" if variant == CHAMPION else variant,
        "partition": partition,
        "dataset_digest": DIGEST,
        "model_data": f"s3://b/jobs/{variant}/model.tar.gz",
        "synthetic": True,
        "threshold": 0.31,
        "target_sensitivity": 0.9,
        "calibration": {"temperature": 1.4, "bias": -0.2},
        "test": test,
        "validation": side(),
        "comparison": None if variant == CHAMPION else comparison,
    }


def _candidate(partition: str, variant: str) -> dict[str, Any]:
    return {
        "variant": variant,
        "partition": partition,
        "dataset_digest": DIGEST,
        "training_job": f"idc-train-{partition}-{variant}-0123456789",
        "model_data": f"s3://b/jobs/{variant}/model.tar.gz",
        "model_sha256": DIGEST,
        "run_s": 812,
        "hyperparameters": {"epochs": "16"},
        "metrics": {},
    }


def _decision(partition: str) -> dict[str, Any]:
    gates = [
        ("balanced accuracy", "lower bound 0.807 over 30 test patients", "at least 0.700"),
        ("sensitivity", "lower bound 0.860 over 30 test patients", "at least 0.700"),
        (
            "not worse than v1-mxnet",
            "difference in balanced accuracy +0.012 (-0.004 to +0.027) over 30 patients",
            "lower bound of the difference at least -0.020",
        ),
    ]
    return {
        "partition": partition,
        "outcome": "deploy",
        "variant": "mxnet",
        "reasons": ["mxnet passed every gate"],
        "gates": [
            {"name": name, "observed": observed, "required": required, "is_passed": True}
            for name, observed, required in gates
        ],
        "result": {"is_deployed": True, "version": "v2-mxnet", "approval": None},
    }


def _tuned(partition: str, objective: float) -> dict[str, Any]:
    return {
        "tuning_job": f"{partition}-mxnet-0123456789",
        "training_job": f"{partition}-mxnet-0123456789-007-abcdef01",
        "partition": partition,
        "dataset_digest": DIGEST,
        "synthetic": True,
        "metric": "validation:roc_auc",
        "objective": objective,
        "hyperparameters": {"learning-rate": 0.0213, "batch-size": 64, "dropout": 0.21},
    }


def _monitored(partition: str, day: str, *, has_drifted: bool) -> dict[str, Any]:
    status = {"hematoxylin": "drifted" if has_drifted else "steady", "tissue": "steady"}
    reasons = ["hematoxylin, mean amount: index 0.34, allowed less than 0.25"] if has_drifted else []
    return {
        "day": day,
        "is_over": True,
        "model": {"version": "v1-mxnet", "variant": "mxnet", "partition": partition, "synthetic": True},
        "traffic": {"patches": 4210},
        "drift": {name: {"status": one} for name, one in status.items()},
        "feedback": {"patches": 240, "balanced_accuracy": {"value": 0.83, "low": 0.77, "high": 0.88}},
        "outcome": "retrain" if has_drifted else "keep",
        "reasons": reasons,
    }


def _job(chance: random.Random, at: int, prefix: str, created: float) -> tuple[Kind, str, dict[str, Any]]:
    kind = (kinds.TRAINING_JOB, kinds.TRAINING_JOB, kinds.PROCESSING_JOB, kinds.TRANSFORM_JOB)[at % 4]
    name = f"{prefix}-{at:04d}-{kind.arn_type.removesuffix('-job')}"
    status = chance.choices(("Completed", "Failed", "Stopped"), (20, 2, 1))[0]
    started, ended = created + 20, created + 20 + chance.randrange(60, 3000)
    times = kind.name.removesuffix("Job")
    document = {
        f"{kind.name}Name": name,
        f"{kind.name}Arn": f"arn:aws:sagemaker:us-east-1:123456789012:{kind.arn_type}/{name}",
        f"{kind.name}Status": status,
        "CreationTime": created,
        "LastModifiedTime": ended,
        f"{times}StartTime": started,
        f"{times}EndTime": ended,
        **_resources(kind),
    }
    if status == "Failed":
        document["FailureReason"] = "AlgorithmError: <img src=x onerror=alert(1)> exit code 1"
    if kind is kinds.TRAINING_JOB:
        document.update(SecondaryStatus=status, BillableTimeInSeconds=round(ended - started))
    return kind, name, document


def _resources(kind: Kind) -> dict[str, Any]:
    machines = {"InstanceType": "ml.c5.2xlarge", "InstanceCount": 1}
    stopping = {"MaxRuntimeInSeconds": 3600}
    resources: dict[Kind, dict[str, Any]] = {
        kinds.TRAINING_JOB: {
            "ResourceConfig": {**machines, "VolumeSizeInGB": 30},
            "StoppingCondition": stopping,
            "HyperParameters": {"epochs": "16"},
            "RoleArn": "arn:aws:iam::123456789012:role/TestRole",
        },
        kinds.PROCESSING_JOB: {
            "ProcessingResources": {"ClusterConfig": {**machines, "VolumeSizeInGB": 30}},
            "StoppingCondition": stopping,
            "AppSpecification": {"ImageUri": "an/image:1"},
        },
        kinds.TRANSFORM_JOB: {"TransformResources": machines, "ModelName": "a-model"},
    }
    return resources[kind]


def _served(aws: LocalAws, partition: str, data: str, bias: float) -> ServedModel:
    return ServedModel(
        variant="mxnet",
        partition=partition,
        dataset_digest=DIGEST,
        training_job=f"idc-train-{partition}-mxnet-0123456789",
        tuning_job="",
        model_data=data,
        model_sha256=DIGEST,
        threshold=0.31,
        temperature=1.4,
        bias=bias,
        synthetic=True,
        code_digest=DIGEST,
        metrics_uri=f"s3://{aws.bucket}/metrics.json",
        card_uri=f"s3://{aws.bucket}/card.html",
        report_uri=f"s3://{aws.bucket}/report.html",
    )


def _put(store: ObjectStore, key: str, value: dict[str, Any]) -> None:
    store.put(key, json.dumps(value).encode())
