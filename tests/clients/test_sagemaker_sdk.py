"""The SageMaker SDK 2, as it comes from PyPI. Its polls are slow, so its scripts run side by side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from local_client import Client, Script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NAMES = ("sdk2_mxnet", "sdk2_tensorflow", "sdk2_estimator", "sdk2_processing", "sdk2_transform", "sdk2_tuner")
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def scripts(client_of: Callable[[str], Client], begin: Callable[..., Script]) -> dict[str, Script]:
    """All scripts, running."""
    client = client_of("sagemaker-sdk")
    return {name: begin(client, name) for name in NAMES}


def test_mxnet_estimator_is_trained_deployed_and_asked(scripts: dict[str, Script]) -> None:
    reported, printed = scripts["sdk2_mxnet"].end(TIMEOUT_S)
    assert reported["image"] == "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
    assert reported["status"] == "Completed"
    assert reported["metrics"] == {"validation:accuracy": 0.7}
    assert reported["predictions"] == {"predictions": [2.5, 5.0, 10.0]}
    assert "the last line of the training" in printed
    assert "Billable seconds" in printed


def test_tensorflow_estimator_is_trained_deployed_and_asked(scripts: dict[str, Script]) -> None:
    reported, printed = scripts["sdk2_tensorflow"].end(TIMEOUT_S)
    assert "tensorflow-training:2.19.0-cpu-py312" in reported["image"]
    assert reported["status"] == "Completed"
    assert reported["predictions"] == {"predictions": [4.0, 8.0, 16.0]}
    assert "the last line of the training" in printed


def test_plain_estimator_is_trained_attached_deployed_and_asked(scripts: dict[str, Script]) -> None:
    reported, printed = scripts["sdk2_estimator"].end(TIMEOUT_S)
    assert reported["status"] == "Completed"
    assert reported["tags"] == [{"Key": "made-by", "Value": "sdk2"}]
    assert reported["model_data"].endswith("/output/model.tar.gz")
    assert reported["predictions"] == {"predictions": [3.0, 6.0, 12.0]}
    assert "the last line of the training" in printed


def test_processors_run_a_script_and_a_command(scripts: dict[str, Script]) -> None:
    reported, printed = scripts["sdk2_processing"].end(TIMEOUT_S)
    assert reported == {"total": "20.0", "status": "Completed"}
    assert "the last line of the processing" in printed


def test_transformer_answers_every_line(scripts: dict[str, Script]) -> None:
    reported, _ = scripts["sdk2_transform"].end(TIMEOUT_S)
    assert reported["answers"].split() == ["2.0", "4.0", "8.0"]


def test_tuner_fits_and_knows_the_best(scripts: dict[str, Script]) -> None:
    reported, _ = scripts["sdk2_tuner"].end(TIMEOUT_S)
    assert reported["status"] == "Completed"
    assert reported["best"] == reported["jobs"][0]
    assert len(reported["jobs"]) == 3
    assert 0.1 <= float(reported["rate"]) <= 1
    assert reported["objectives"] == sorted(reported["objectives"], reverse=True)
