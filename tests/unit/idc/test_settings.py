from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pydantic
import pytest

from idc import settings as module
from idc.errors import ConfigurationError
from idc.settings import Password, Settings, load, settings
from idc.variants.all import VARIANTS

ROLE = "arn:aws:iam::123456789012:role/service-role/histoflow"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "HISTOFLOW_")):
            monkeypatch.delenv(name)
    settings.cache_clear()


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("HISTOFLOW_BUCKET", "my-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", ROLE)
    return monkeypatch


def test_everything_missing_is_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings()

    assert "2 missing or not valid" in str(caught.value)
    assert "HISTOFLOW_BUCKET: missing, expected the name of the S3 bucket" in str(caught.value)
    assert "HISTOFLOW_ROLE_ARN: missing, expected the ARN" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HISTOFLOW_BUCKET", "My_Bucket"),
        ("HISTOFLOW_ROLE_ARN", "histoflow"),
        ("HISTOFLOW_TRAINING_INSTANCE_TYPE", "large"),
        ("HISTOFLOW_EPOCHS", "0"),
        ("HISTOFLOW_LEARNING_RATE", "fast"),
        ("HISTOFLOW_ENDPOINT_NAME", "-idc"),
        ("HISTOFLOW_QUARANTINE_LIMIT", "1.5"),
        ("HISTOFLOW_BUILTIN_OPTIMIZER", "adagrad"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(
    complete: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    complete.setenv(variable, value)

    with pytest.raises(ConfigurationError) as caught:
        settings()

    assert f"{variable}: {value!r}, expected " in str(caught.value)


def test_a_wrong_region_names_every_variable_it_may_be_in(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("AWS_REGION", "mars")

    variables = "HISTOFLOW_REGION or AWS_REGION or AWS_DEFAULT_REGION"
    with pytest.raises(ConfigurationError, match=f"{variables}: 'mars'"):
        settings()


def test_shares_must_add_up(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("HISTOFLOW_TRAIN_SHARE", "0.9")

    with pytest.raises(ConfigurationError, match=r"HISTOFLOW_TEST_SHARE: 1\.2, expected 1"):
        settings()


def test_images_are_amazons_in_the_region(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    found = settings()

    registry = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
    mxnet, tensorflow = VARIANTS["mxnet"], VARIANTS["tensorflow"]
    assert mxnet.training_image.uri(found) == f"{registry}/mxnet-training:1.9.0-cpu-py38"
    assert mxnet.inference_image.uri(found) == f"{registry}/mxnet-inference:1.9.0-cpu-py38"
    assert tensorflow.inference_image.uri(found) == f"{registry}/tensorflow-inference:2.19.0-cpu"
    builtin = "685385470294.dkr.ecr.eu-west-1.amazonaws.com/image-classification:1"
    assert VARIANTS["builtin-sdk"].training_image.uri(found) == builtin


@pytest.mark.parametrize(
    "variable",
    [
        "HISTOFLOW_BUILTIN_IMAGE",
        "HISTOFLOW_MXNET_INFERENCE_IMAGE",
        "HISTOFLOW_MXNET_TRAINING_IMAGE",
        "HISTOFLOW_TENSORFLOW_INFERENCE_IMAGE",
        "HISTOFLOW_TENSORFLOW_TRAINING_IMAGE",
    ],
)
def test_each_image_has_a_setting(complete: pytest.MonkeyPatch, variable: str) -> None:
    complete.setenv(variable, "an-image:2")

    images = {image for one in VARIANTS.values() for image in (one.training_image, one.inference_image)}

    assert [image.setting for image in images if image.uri(settings()) == "an-image:2"] == [variable]


def test_the_sdk_lives_among_the_environments(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("HISTOFLOW_HOME", "/srv/histoflow")
    assert str(settings().sagemaker_sdk_python) == "/srv/histoflow/envs/sagemaker-sdk/bin/python"

    settings.cache_clear()
    complete.setenv("HISTOFLOW_ENVS", "/opt/envs")
    assert str(settings().sagemaker_sdk_python) == "/opt/envs/sagemaker-sdk/bin/python"


def test_the_products_own_region_wins(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("AWS_REGION", "eu-west-1")
    complete.setenv("HISTOFLOW_REGION", "us-west-2")

    assert settings().region == "us-west-2"


def test_settings_are_read_once_and_frozen(complete: pytest.MonkeyPatch) -> None:
    first = settings()
    complete.setenv("HISTOFLOW_BUCKET", "another")

    assert settings() is first
    with pytest.raises(pydantic.ValidationError):
        first.bucket = "another"  # type: ignore[misc]


def test_an_empty_variable_is_as_good_as_none(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("HISTOFLOW_EPOCHS", "")

    assert settings().epochs == Settings.model_fields["epochs"].default


def test_passwords_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(module.BaseSettings):
        key: Password = pydantic.Field(description="a key")
        other: int = pydantic.Field(default=1, description="a number")

    monkeypatch.setenv("KEY", "canary")
    assert "***" in str(load(Guarded))
    assert "canary" not in repr(load(Guarded)) + str(load(Guarded))

    monkeypatch.setenv("OTHER", "x")
    with pytest.raises(ConfigurationError) as caught:
        load(Guarded)
    assert "canary" not in str(caught.value)


def test_every_field_says_what_it_expects() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_importing_reads_nothing_and_loads_nothing_heavy() -> None:
    include = Path(module.__file__).parents[1]
    script = "import sys, idc.settings; print(sorted({'airflow', 'boto3', 'numpy'} & set(sys.modules)))"

    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(include)}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
