"""The SageMaker SDK 3, as it comes from PyPI."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from local_client import Client, Script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_model_trainer_runs_a_script_to_its_end(
    client_of: Callable[[str], Client], begin: Callable[..., Script]
) -> None:
    script = begin(client_of("sagemaker-sdk3"), "sdk3_model_trainer", {"SAGEMAKER_VALIDATE_ROLE": "false"})
    reported, printed = script.end(240)
    assert reported["status"] == "Completed"
    assert reported["channels"] == ["code", "sm_drivers", "train"]
    assert reported["total"] == 20
    assert "the last line of the training" in printed
