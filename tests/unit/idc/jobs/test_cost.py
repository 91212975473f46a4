from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from idc.errors import ConfigurationError
from idc.jobs.cost import Fleet
from idc.jobs.prices import TABLE, Prices
from idc.jobs.spec import JobKind
from idc.jobs.state import JobState
from idc.settings import Settings

PRICES = Prices({"ml.m5.xlarge": 0.36}, "us-east-1", "2026-11", "https://…", "USD")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
CLUSTER = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}
LIMIT = {"StoppingCondition": {"MaxRuntimeInSeconds": 1000}}
DEFINITION = {"ResourceConfig": CLUSTER, **LIMIT}


@pytest.mark.parametrize(
    ("kind", "request_", "instances", "limit_s"),
    [
        (JobKind.TRAINING, DEFINITION, 2, 1000),
        (JobKind.PROCESSING, {"ProcessingResources": {"ClusterConfig": CLUSTER}, **LIMIT}, 2, 1000),
        (JobKind.TRANSFORM, {"TransformResources": CLUSTER}, 2, 86400),
        (
            JobKind.TUNING,
            {
                "TrainingJobDefinition": DEFINITION,
                "HyperParameterTuningJobConfig": {
                    "ResourceLimits": {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2}
                },
            },
            4,
            3000,
        ),
    ],
)
def test_the_most_a_job_may_cost_follows_from_its_request(
    kind: JobKind, request_: dict[str, Any], instances: int, limit_s: int
) -> None:
    fleet = Fleet.of(kind, request_)

    assert fleet == Fleet("ml.m5.xlarge", instances, limit_s)
    assert fleet.cost(PRICES, limit_s) == pytest.approx(0.36 * instances * limit_s / 3600, abs=1e-4)
    assert "0.20 USD: 2 × ml.m5.xlarge for at most 1000 s (prices of us-east-1, 2026-11)" in Fleet.of(
        JobKind.TRAINING, DEFINITION
    ).estimate(PRICES)


def test_a_type_without_a_price_has_no_cost() -> None:
    fleet = Fleet("ml.x9.huge", 1, 60)

    assert fleet.cost(PRICES, 60) is None
    assert "unknown" in fleet.estimate(PRICES)


def described(**members: Any) -> JobState:
    description = {
        "TrainingJobName": "train-1",
        "TrainingJobArn": "arn",
        "TrainingJobStatus": "Completed",
        "CreationTime": NOON,
        "TrainingStartTime": NOON,
        "TrainingEndTime": NOON + timedelta(seconds=300),
        **members,
    }
    return JobState.from_description(JobKind.TRAINING, description)


def test_what_is_billed_is_what_sagemaker_reports() -> None:
    assert described(**DEFINITION, BillableTimeInSeconds=100).cost(PRICES) == pytest.approx(0.02)
    assert described(**DEFINITION).cost(PRICES) == pytest.approx(0.06)
    assert described().cost(PRICES) is None
    assert described(**DEFINITION, BillableTimeInSeconds=100).result().billable_s == 100


def test_the_table_has_a_price_for_every_type_in_the_settings() -> None:
    defaults = {
        field.default for name, field in Settings.model_fields.items() if name.endswith("_instance_type")
    }

    assert len(defaults) > 2
    assert defaults <= set(Prices.read(TABLE).per_hour)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"per_hour": {"ml.m5.large": "cheap"}}', b'{"per_hour": {}}']
)
def test_another_table_has_to_be_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prices.json"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="HISTOFLOW_PRICES"):
        Prices.read(path)


def test_a_table_of_ones_own_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({**json.loads(TABLE.read_text()), "per_hour": {"ml.m5.large": 1}}))

    assert Prices.read(path).per_hour == {"ml.m5.large": 1.0}
