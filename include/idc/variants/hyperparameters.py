"""Declare what a person may choose about a variant's hyperparameters, and what a search may vary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCALES = LINEAR, LOG, REVERSE = "Linear", "Logarithmic", "ReverseLogarithmic"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the trigger form that sets a hyperparameter.

    `kind` is a JSON type, `schema` the rest of the field's JSON schema. An empty field takes tuned values
    where `is_tuned`, then the setting named `setting`, or `default` where no setting is named.
    """

    name: str
    hyperparameter: str
    kind: str
    title: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    is_tuned: bool = False
    setting: str = ""
    default: Any = None


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
        """The list of a `ParameterRanges` that holds this range."""
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
