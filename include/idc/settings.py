"""Settings of the pipeline: the one place in this package that reads the environment.

Every setting is an environment variable named `HISTOFLOW_` + the field's name in capitals
(`training_instance_type` is `HISTOFLOW_TRAINING_INSTANCE_TYPE`). Credentials and endpoints are
not here: boto3 reads them itself.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import AliasChoices, Field, Secret, StringConstraints, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from idc.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[2]

Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
ResourceName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")]
InstanceType = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
TopicArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$")
]
_PROCESSING_IMAGE = "763104351884.dkr.ecr.{region}.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
_IMAGE = re.compile(r"HISTOFLOW_[A-Z0-9_]+_IMAGE")
Share = Annotated[float, Field(gt=0, lt=1)]


def _images() -> dict[str, str]:
    """Return the images of the variants that the environment names, by variable."""
    return {name: uri for name, uri in os.environ.items() if uri and _IMAGE.fullmatch(name)}


class Password(Secret[str]):
    """Text that prints as `***`."""

    def _display(self) -> str:
        return "***"


class Settings(BaseSettings):
    """Everything the DAGs need to know that is not a parameter of one run."""

    model_config = SettingsConfigDict(env_prefix="HISTOFLOW_", frozen=True, env_ignore_empty=True)

    home: Path = Field(default=REPOSITORY / ".histoflow", description="the folder that holds all local state")
    envs: Path = Field(
        default_factory=lambda data: data["home"] / "envs",
        description="the folder of the Python environments",
    )
    sagemaker_sdk_python: Path = Field(
        default_factory=lambda data: data["envs"] / "sagemaker-sdk" / "bin" / "python",
        description="the absolute path of a Python that has the SageMaker Python SDK 2",
    )
    bucket: Bucket = Field(description="the name of the S3 bucket that holds snapshots, datasets and models")
    role_arn: RoleArn = Field(description="the ARN of the IAM role that SageMaker's jobs assume")
    region: Region = Field(
        default="us-east-1",
        validation_alias=AliasChoices("HISTOFLOW_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="an AWS region such as us-east-1",
    )
    archive: str | None = Field(
        default=None,
        description="the archive a scheduled run ingests: a path, kaggle://…, https://…, s3://… or synthetic://…",
    )

    # Any image with Python 3.8 or later, boto3, NumPy and Pillow can run the converter.
    processing_image: str = Field(
        default_factory=lambda data: _PROCESSING_IMAGE.format(region=data.get("region", "us-east-1")),
        description="the URI of a container image",
    )
    images: dict[str, str] = Field(
        default_factory=_images,
        validation_alias="images",
        description="the variants' images that replace Amazon's, each from a variable of its own",
    )

    processing_instance_type: InstanceType = Field(default="ml.m5.xlarge", description="an ml.* type")
    processing_instance_count: int = Field(default=1, ge=1, le=32, description="a number from 1 to 32")
    processing_volume_gb: int = Field(default=30, ge=1, le=16384, description="gigabytes, 1 to 16384")
    processing_max_runtime_s: int = Field(default=3600, ge=60, le=432000, description="seconds, 60 to 432000")

    training_instance_type: InstanceType = Field(default="ml.c5.2xlarge", description="an ml.* type")
    training_instance_count: int = Field(default=1, ge=1, le=1, description="1: training is not distributed")
    training_volume_gb: int = Field(default=30, ge=1, le=16384, description="gigabytes, 1 to 16384")
    training_max_runtime_s: int = Field(
        default=6 * 3600, ge=60, le=432000, description="seconds, 60 to 432000"
    )

    transform_instance_type: InstanceType = Field(default="ml.m5.xlarge", description="an ml.* type")
    transform_instance_count: int = Field(default=1, ge=1, le=100, description="a number of instances")

    endpoint_name: ResourceName = Field(default="histoflow-idc", description="a SageMaker endpoint's name")
    endpoint_instance_type: InstanceType = Field(default="ml.m5.large", description="an ml.* type")
    endpoint_instance_count: int = Field(
        default=2, ge=1, le=100, description="a number of instances; from two on SageMaker spreads them"
    )
    endpoint_max_instance_count: int = Field(
        default=4,
        ge=1,
        le=100,
        description="the most instances under load; equal to the count: no autoscaling",
    )
    endpoint_invocations_per_instance: int = Field(
        default=1200, ge=1, le=10**6, description="invocations a minute and instance to scale at"
    )
    rollout: Literal["canary", "linear", "all-at-once"] = Field(
        default="canary", description="how traffic moves to a new model: canary, linear or all-at-once"
    )
    rollout_percent: int = Field(
        default=20, ge=10, le=50, description="the canary's or one step's share of traffic, 10 to 50"
    )
    rollout_wait_s: int = Field(
        default=300, ge=0, le=3600, description="seconds to watch each step of a rollout, 0 to 3600"
    )
    alarm_error_share: float = Field(
        default=0.05, gt=0, le=1, description="a share above 0; more failed invocations roll back"
    )
    alarm_latency_ms: int = Field(
        default=2000, ge=1, le=60000, description="milliseconds; a model's p99 latency above it rolls back"
    )
    capture_percent: int = Field(
        default=10, ge=0, le=100, description="the percentage of invocations to capture, 0 to 100"
    )
    kept_models: int = Field(
        default=3, ge=0, le=100, description="how many earlier configurations and models to keep, 0 to 100"
    )

    model_package_group: ResourceName = Field(
        default="histoflow-idc", description="the name of a group in the model registry"
    )
    gates: Literal["first-model", "strict"] = Field(
        default="first-model",
        description="`strict`, or `first-model`: where nothing is served yet a missed gate is only reported",
    )
    gate_balanced_accuracy: float = Field(
        default=0.7, ge=0, le=1, description="the least lower bound of balanced accuracy, 0 to 1"
    )
    gate_sensitivity: float = Field(
        default=0.7, ge=0, le=1, description="the least lower bound of sensitivity, 0 to 1"
    )
    gate_tolerance: float = Field(
        default=0.02, ge=0, le=1, description="how much worse than the champion a challenger may be, 0 to 1"
    )
    approval: Literal["automatic", "human"] = Field(
        default="automatic", description="who approves a model that passed the gates: automatic or human"
    )
    approval_timeout_s: int = Field(
        default=86400, ge=1, le=2592000, description="seconds until no answer means no, 1 to 2592000"
    )

    monitor_days: int = Field(
        default=7, ge=1, le=90, description="days of answers that monitoring reads, 1 to 90"
    )
    monitor_feedback_days: int = Field(
        default=28, ge=1, le=90, description="days of answers whose true labels are used, 1 to 90"
    )
    monitor_min_patches: int = Field(
        default=200, ge=1, description="the least number of captured patches to measure drift"
    )
    monitor_most_patches: int = Field(
        default=10000, ge=1, description="the number of captured patches after which no further file is read"
    )
    monitor_min_labels: int = Field(
        default=50, ge=2, description="the least number of true labels to measure the model"
    )
    monitor_drift: float = Field(
        default=0.25, gt=0, description="the population stability index from which on patches have drifted"
    )
    monitor_drop: float = Field(
        default=0.05, gt=0, lt=1, description="the largest tolerated drop of a metric on doctors' labels"
    )
    monitor_action: Literal["notify", "train"] = Field(
        default="notify", description="the action when retraining is advised: notify or train"
    )

    epochs: int = Field(default=48, ge=1, le=1000, description="a number of epochs, 1 to 1000")
    mxnet_epochs: int = Field(default=36, ge=1, le=1000, description="a number of epochs, 1 to 1000")
    synthetic_epochs: int = Field(
        default=6, ge=1, le=1000, description="a number of epochs for generated patches, 1 to 1000"
    )
    batch_size: int = Field(default=64, ge=1, le=4096, description="a number of patches, 1 to 4096")
    learning_rate: float = Field(default=0.05, gt=0, le=1, description="a number above 0, at most 1")
    builtin_epochs: int = Field(default=14, ge=1, le=1000, description="a number of epochs, 1 to 1000")
    builtin_mini_batch_size: int = Field(default=64, ge=1, le=4096, description="a number of patches")
    builtin_learning_rate: float = Field(default=0.05, gt=0, le=1, description="a number above 0, at most 1")
    builtin_optimizer: Literal["sgd", "adam", "rmsprop", "nag"] = Field(
        default="nag", description="one of sgd, adam, rmsprop, nag"
    )
    builtin_pretrained: bool = Field(
        default=False,
        description="true: `builtin-sdk` begins with the algorithm's pretrained weights; or false",
    )
    seed: int = Field(default=7, ge=0, lt=2**31, description="a whole number from 0 to 2147483647")

    target_sensitivity: Share = Field(
        default=0.88, description="the least share of class 1 to be found on validation, between 0 and 1"
    )

    train_share: Share = Field(default=0.7, description="a share of the patients between 0 and 1")
    validation_share: Share = Field(default=0.15, description="a share of the patients between 0 and 1")
    test_share: Share = Field(default=0.15, description="a share of the patients between 0 and 1")
    split: str | None = Field(
        default=None, description="a CSV of patient,split to use instead: a path, s3://… or https://…"
    )
    split_seed: int = Field(default=7, ge=0, lt=2**31, description="a whole number from 0 to 2147483647")
    edge_patches: Literal["pad", "exclude"] = Field(
        default="pad", description="the treatment of patches smaller than 50×50: pad or exclude"
    )
    dataset_formats: tuple[Literal["image", "augmented"], ...] = Field(
        default=(),
        description='a JSON list of formats to write as well: [], ["image"], ["augmented"] or both',
    )
    quarantine_limit: float = Field(
        default=0.001, ge=0, le=1, description="the largest tolerated share of unreadable patches, 0 to 1"
    )

    @model_validator(mode="after")
    def _check_instances(self) -> Settings:
        least, most = self.endpoint_instance_count, self.endpoint_max_instance_count
        if most < least:
            raise ValueError(
                f"HISTOFLOW_ENDPOINT_MAX_INSTANCE_COUNT: {most}, expected at least "
                f"HISTOFLOW_ENDPOINT_INSTANCE_COUNT, {least}."
            )
        return self

    @model_validator(mode="after")
    def _check_shares(self) -> Settings:
        total = self.train_share + self.validation_share + self.test_share
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"HISTOFLOW_TRAIN_SHARE + HISTOFLOW_VALIDATION_SHARE + HISTOFLOW_TEST_SHARE: {total:g}, "
                "expected 1. Set all three."
            )
        return self


class OperationSettings(BaseSettings):
    """Optional settings for those who operate the pipeline."""

    model_config = SettingsConfigDict(env_prefix="HISTOFLOW_", frozen=True, env_ignore_empty=True)

    prices: Path | None = Field(
        default=None, description="a JSON file of instance prices like include/idc/jobs/prices.json"
    )
    notification_topic: TopicArn | None = Field(
        default=None,
        description="the ARN of an SNS topic for failures, late runs, approvals, champions and drift",
    )


class KeySettings(BaseSettings):
    """Where the REST API keeps its own state and its API keys."""

    model_config = SettingsConfigDict(
        env_prefix="HISTOFLOW_API_", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    home: Path = Field(
        default=REPOSITORY / ".histoflow",
        validation_alias=AliasChoices("HISTOFLOW_HOME"),
        description="the folder that holds all local state",
    )

    @property
    def folder(self) -> Path:
        """The folder of the REST API's own state."""
        return self.home / "api"


class ApiSettings(KeySettings):
    """How the REST API is served, and the endpoint it stands in front of."""

    bucket: Bucket = Field(
        validation_alias=AliasChoices("HISTOFLOW_BUCKET"),
        description="the name of the S3 bucket that holds model cards and feedback",
    )
    region: Region = Field(
        default="us-east-1",
        validation_alias=AliasChoices("HISTOFLOW_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="an AWS region such as us-east-1",
    )
    endpoint_name: ResourceName = Field(
        default="histoflow-idc",
        validation_alias=AliasChoices("HISTOFLOW_ENDPOINT_NAME"),
        description="a SageMaker endpoint's name",
    )

    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8088, ge=1, le=65535, description="a free port")
    cors_origins: tuple[str, ...] = Field(
        default=(), description='a JSON list of origins whose pages may call: ["https://viewer.example"]'
    )
    rate_limit: str = Field(
        default="100/second;3000/minute",
        pattern=r"^[1-9]\d*/(second|minute|hour|day)(;[1-9]\d*/(second|minute|hour|day))*$",
        description="patches and requests a key may send, such as 100/second;3000/minute",
    )

    patch_max_bytes: int = Field(default=1 << 20, ge=1, description="bytes of one patch's image")
    batch_max_items: int = Field(default=64, ge=1, le=1000, description="patches in one request")
    batch_max_bytes: int = Field(default=8 << 20, ge=1, description="bytes of one request of several patches")
    slide_max_bytes: int = Field(default=256 << 20, ge=1, description="bytes of one slide's image")
    slide_max_pixels: int = Field(
        default=80_000_000, ge=2500, le=89_000_000, description="pixels of one slide, 2500 to 89000000"
    )
    slides_per_tenant: int = Field(default=10, ge=1, description="unfinished slides of one tenant")
    slide_retention_days: int = Field(default=7, ge=1, description="days for which a slide's answer is kept")
    prediction_retention_days: int = Field(
        default=90, ge=1, description="days within which feedback on a patch is taken"
    )

    body_timeout_s: float = Field(default=20, gt=0, description="seconds a request's body may take")
    body_idle_s: float = Field(default=5, gt=0, description="seconds without a byte of the body")
    slide_body_timeout_s: float = Field(default=600, gt=0, description="seconds a slide's upload may take")
    model_timeout_s: float = Field(default=60, gt=0, description="seconds the endpoint may take to answer")
    model_concurrency: int = Field(default=16, ge=1, le=256, description="calls of the endpoint at once")
    model_waiting: int = Field(default=256, ge=1, description="calls that may wait for their turn")
    slide_concurrency: int = Field(
        default=4, ge=1, le=64, description="calls of the endpoint at once for slides, on top"
    )
    slide_patience_s: float = Field(
        default=120, ge=0, description="seconds a slide waits for an endpoint that is out of service"
    )
    refresh_s: float = Field(
        default=30, gt=0, description="seconds between looks at which model the endpoint serves"
    )


AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def load(kind: type[AnySettings]) -> AnySettings:
    """Read settings of this kind from the environment.

    Raises:
        ConfigurationError: names every variable that is missing or wrong, with what to do.
    """
    try:
        return kind()
    except ValidationError as error:
        raise _explained(kind, error) from None


def _explained(kind: type[BaseSettings], error: ValidationError) -> ConfigurationError:
    lines = []
    problems = error.errors(include_url=False)
    for problem in (p for p in problems if p["type"] != "default_factory_not_called"):
        if not problem["loc"]:  # a rule about several fields says it all itself
            lines.append(problem["msg"].removeprefix("Value error, "))
            continue
        variable, field = _variable(kind, str(problem["loc"][0]))
        observed = "missing" if problem["type"] == "missing" else _shown(problem["input"], field)
        lines.append(f"{variable}: {observed}, expected {field.description}.")
    action = "Set in the environment:" + "".join(f"\n  {line}" for line in lines)
    observed = f"{len(lines)} missing or not valid"
    return ConfigurationError("settings", "of the environment", observed, "none", action)


def _variable(kind: type[BaseSettings], location: str) -> tuple[str, FieldInfo]:
    """Return the variable and the field that an error's location (a field's name or alias) means."""
    if location in kind.model_fields:
        return f"{kind.model_config.get('env_prefix', '')}{location}".upper(), kind.model_fields[location]
    for field in kind.model_fields.values():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices) and location in alias.choices:
            return " or ".join(map(str, alias.choices)), field
    raise KeyError(location)


def _shown(value: object, field: FieldInfo) -> str:
    if field.annotation is Password or Password in get_args(field.annotation):
        return "***"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


@functools.cache
def settings() -> Settings:
    """Return the settings, read once per process.

    Raises:
        ConfigurationError: as `load`.
    """
    return load(Settings)


@functools.cache
def operation_settings() -> OperationSettings:
    """Return the settings of operation, read once per process; raises what `load` does."""
    return load(OperationSettings)
