"""What is known of the model behind the endpoint: the metadata its version carries in the model registry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from idc.errors import InputError

LEAST = 1e-6  # an answer of 0 or 1 has no logit
FARTHEST = 700.0  # a float has no exponential much beyond it
# What a model may lack: a tuning job, code of ours, a start other than random weights.
OPTIONAL = ("tuning_job", "code_digest", "metrics_uri", "card_uri", "report_uri", "start")


@dataclass(frozen=True)
class ServedModel:
    """A registered model version, with all that is needed to turn its answers into results.

    `threshold` is a calibrated probability of class 1; from it on a patch counts as class 1. A model's answer
    p is calibrated by bias-corrected temperature scaling, `expit(logit(p) / temperature + bias)`
    (Guo et al., 2017, https://arxiv.org/abs/1706.04599; Alexandari et al., 2020, https://arxiv.org/abs/1901.06852).
    """

    variant: str
    partition: str
    dataset_digest: str
    training_job: str
    tuning_job: str
    model_data: str
    model_sha256: str
    threshold: float
    temperature: float
    bias: float
    synthetic: bool
    code_digest: str
    metrics_uri: str
    card_uri: str
    report_uri: str
    start: str = ""

    def calibrated(self, answer: float) -> float:
        """Return the calibrated probability of class 1 for a model's answer, the one it gives to class 1."""
        return calibrated(answer, self.temperature, self.bias)

    def to_metadata(self) -> dict[str, str]:
        """Return a model package's `CustomerMetadataProperties`, which have no empty values."""
        texts = {name: _text(value) for name, value in asdict(self).items()}
        return {name: text for name, text in texts.items() if text}

    @classmethod
    def from_metadata(cls, values: Mapping[str, str], version: str) -> Self:
        """Return what `to_metadata` wrote; `version` names the model package in errors.

        Raises:
            InputError: a property is missing or not a number.
        """
        missing = [field.name for field in fields(cls) if field.name not in {*values, *OPTIONAL}]
        if missing:
            raise _wrong(version, f"no {', '.join(missing)}", "all of them")
        made = {field.name: values.get(field.name, "") for field in fields(cls)}
        numbers = {name: _number(version, name, made[name]) for name in ("threshold", "temperature", "bias")}
        return cls(**{**made, **numbers, "synthetic": made["synthetic"] == "true"})  # type: ignore[arg-type]


def calibrated(answer: float, temperature: float, bias: float) -> float:
    """Return the calibrated probability of class 1; it never falls where the answer rises.

    Whoever calibrates does it here: many answers of a sure model are alike, and what lies at the threshold
    must not be beyond it where it is served.
    """
    bounded = min(max(answer, LEAST), 1 - LEAST)
    logit = math.log(bounded / (1 - bounded)) / temperature + bias
    return 1 / (1 + math.exp(min(-logit, FARTHEST)))


def _number(version: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (name == "temperature" and value <= 0):
        raise _wrong(version, f"{name} {text!r}", "a number")
    return value


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else value


def _wrong(version: str, observed: str, expected: str) -> InputError:
    action = "Register the model again with idc_deploy."
    return InputError("metadata of the model package", version, observed, expected, action)
