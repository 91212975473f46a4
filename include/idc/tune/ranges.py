"""What a tuning job may search: hyperparameters, their bounds and scales, and how requests carry them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
and for the built-in algorithm https://docs.aws.amazon.com/sagemaker/latest/dg/IC-tuning.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from idc.errors import ConfigurationError

SCALES = LINEAR, LOG, REVERSE = "Linear", "Logarithmic", "ReverseLogarithmic"


@dataclass(frozen=True)
class Range:
    """One hyperparameter to search: the numbers from `low` to `high`, or one of `values`."""

    name: str
    low: float = 0.0
    high: float = 0.0
    scale: str = LINEAR
    is_integer: bool = False
    values: tuple[str, ...] = ()

    @property
    def member(self) -> str:
        """The list of a `ParameterRanges` this range belongs into."""
        if self.values:
            return "CategoricalParameterRanges"
        return "IntegerParameterRanges" if self.is_integer else "ContinuousParameterRanges"

    def request(self, *, is_json: bool) -> dict[str, Any]:
        """Return the range as a request has it; script mode reads every value as JSON."""
        if self.values:
            values = [json.dumps(value) if is_json else value for value in self.values]
            return {"Name": self.name, "Values": values}
        low, high = (
            (str(round(bound)) if self.is_integer else repr(float(bound))) for bound in (self.low, self.high)
        )
        return {"Name": self.name, "MinValue": low, "MaxValue": high, "ScalingType": self.scale}


# Narrower than the service's recommendation: a search of a dozen jobs has to find something.
BUILTIN = (
    Range("mini_batch_size", 16, 128, LOG, is_integer=True),
    Range("learning_rate", 0.0005, 0.2, LOG),
    Range("optimizer", values=("sgd", "adam", "rmsprop", "nag")),
    Range("beta_1", 0.8, 0.99, REVERSE),
    Range("beta_2", 0.9, 0.9999, REVERSE),
    Range("eps", 1e-8, 1e-4, LOG),
    Range("gamma", 0.8, 0.99, REVERSE),
    Range("momentum", 0.5, 0.99, REVERSE),
    Range("weight_decay", 1e-5, 0.01, LOG),
)
SCRIPT = (
    Range("batch-size", 16, 128, LOG, is_integer=True),
    Range("learning-rate", 0.005, 0.3, LOG),
    Range("momentum", 0.8, 0.99, REVERSE),
    Range("weight-decay", 1e-5, 0.01, LOG),
    Range("dropout", 0.0, 0.6),
    Range("stain-jitter", 0.0, 0.4),
    Range("colour-jitter", 0.0, 0.2),
)


def parameter_ranges(ranges: Iterable[Range], *, is_json: bool) -> dict[str, Any]:
    """Return the `ParameterRanges` of a request."""
    found: dict[str, Any] = {}
    for one in ranges:
        found.setdefault(one.member, []).append(one.request(is_json=is_json))
    return found


def given_ranges(default: Iterable[Range], given: Mapping[str, Any]) -> tuple[Range, ...]:
    """Return the ranges `given` names among the default ones, all of those if it is empty.

    A value is a list of choices, or `{"min": …, "max": …}` with a `scale` if it is another than by default.

    Raises:
        ConfigurationError: a range is none, or none of them is known.
    """
    known = {one.name: one for one in default}
    if not given:
        return tuple(known.values())
    _check_names(given)
    found = tuple(_given(known[name], value) for name, value in given.items() if name in known)
    if not found:
        action = "Choose the variant that these ranges are of, or add ranges for the other."
        raise ConfigurationError("ranges", ", ".join(given), "of another", f"of {', '.join(known)}", action)
    return found


def _check_names(given: Mapping[str, Any]) -> None:
    """Raise unless each name is one of a variant's: a misspelt one must not just be left out."""
    known = dict.fromkeys(one.name for one in (*BUILTIN, *SCRIPT))
    for name in given:
        if name not in known:
            expected = f"one of {', '.join(known)}"
            raise ConfigurationError("range", name, "not tunable", expected, "Correct the form.")


def _given(default: Range, value: Any) -> Range:
    if isinstance(value, list) and value and len(set(map(str, value))) == len(value):
        return Range(default.name, values=tuple(map(str, value)))
    if isinstance(value, Mapping) and set(value) <= {"min", "max", "scale"} and not default.values:
        low, high, scale = value.get("min"), value.get("max"), value.get("scale", default.scale)
        if _is_number(low, default) and _is_number(high, default) and low <= high and scale in SCALES:
            return Range(default.name, low, high, scale, default.is_integer)
    shape = f'or {{"min": …, "max": …, "scale": one of {", ".join(SCALES)}}}' if not default.values else ""
    expected = f"a list of different choices {shape}".rstrip()
    raise ConfigurationError("range", default.name, json.dumps(value), expected, "Correct the form.")


def _is_number(value: Any, default: Range) -> TypeGuard[float]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and (not default.is_integer or value == round(value))
