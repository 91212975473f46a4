"""The table of images the stack hands to its embedded AWS."""

from __future__ import annotations

import pytest

from embedded_aws import settings as embedded_settings
from embedded_aws.containers import runtimes
from stack import aws
from stack.runtimes import WEIGHTS
from stack.settings import StackSettings

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "environment", "is_script_mode"),
    [
        ("mxnet-training:1.9.0-cpu-py38", "mxnet", True),
        ("tensorflow-training:2.19.0-cpu-py312", "tensorflow", True),
        ("image-classification:1", "mxnet", False),
    ],
)
def test_every_image_of_the_pipeline_has_a_runtime(
    settings: StackSettings, image: str, environment: str, is_script_mode: bool
) -> None:
    table = aws._write_runtimes(settings)
    known = runtimes.load(embedded_settings.load(settings.aws_home, {"runtimes": table}))
    runtime = runtimes.find(known, f"{REGISTRY}/{image}")
    assert runtime.python == settings.envs / environment / "bin" / "python"
    assert runtime.is_script_mode is is_script_mode
    assert bool(runtime.metric_definitions) is not is_script_mode


def test_pretrained_weights_reach_the_built_in_algorithm_alone(settings: StackSettings) -> None:
    weights = settings.home / "weights"
    table = aws._write_runtimes(settings.model_copy(update={"pretrained_weights": weights}))
    known = runtimes.load(embedded_settings.load(settings.aws_home, {"runtimes": table}))

    def told(image: str) -> str | None:
        return runtimes.find(known, f"{REGISTRY}/{image}").environment.get(WEIGHTS)

    assert told("image-classification:1") == str(weights)
    assert told("mxnet-training:1.9.0-cpu-py38") is None
