"""Hyperparameter ranges: bounds, scales, and conversion to and from request values.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LOGARITHMIC, REVERSE_LOGARITHMIC = "Logarithmic", "ReverseLogarithmic"
WIDE = 1000.0  # from this ratio of its bounds on, the scale Auto is logarithmic
MOST_RANGES = 30


@dataclass(frozen=True)
class Categorical:
    """One of several texts."""

    name: str
    values: tuple[str, ...]

    def distribution(self) -> BaseDistribution:
        """The range as the search library has it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def text(self, point: Any) -> str:
        """The hyperparameter's value at a point of the distribution."""
        return str(point)

    def point(self, text: str) -> Any:
        """The point of the distribution for a value; None if it is outside the range."""
        return text if text in self.values else None


@dataclass(frozen=True)
class Numeric:
    """A number between two bounds, whole if `is_integer`, both included."""

    name: str
    low: float
    high: float
    is_integer: bool
    scale: str

    def distribution(self) -> BaseDistribution:
        """The range as the search library has it; a reversed one holds 1 minus the value."""
        from optuna.distributions import FloatDistribution, IntDistribution

        is_logarithmic = self._is_logarithmic()
        if self.is_integer:
            return IntDistribution(int(self.low), int(self.high), log=is_logarithmic)
        if self.scale == REVERSE_LOGARITHMIC:
            return FloatDistribution(1 - self.high, 1 - self.low, log=True)
        return FloatDistribution(self.low, self.high, log=is_logarithmic)

    def text(self, point: Any) -> str:
        """The hyperparameter's value at a point of the distribution."""
        if self.is_integer:
            return str(int(point))
        value = 1 - point if self.scale == REVERSE_LOGARITHMIC else point
        return repr(min(max(float(value), self.low), self.high))

    def point(self, text: str) -> Any:
        """The point of the distribution for a value; None if it is outside the range."""
        try:
            value = int(text) if self.is_integer else float(text)
        except ValueError:
            return None
        if not self.low <= value <= self.high:
            return None
        return 1 - value if self.scale == REVERSE_LOGARITHMIC else value

    def _is_logarithmic(self) -> bool:
        is_wide = self.low > 0 and self.high / self.low >= WIDE
        return self.scale == LOGARITHMIC or (self.scale == "Auto" and is_wide)


Range = Categorical | Numeric


def parse(request: Document) -> list[Range]:
    """The ranges of a `ParameterRanges`, in the order of the request.

    Raises:
        ValidationException: one of them is impossible, or two have one name.
    """
    if request.get("AutoParameters"):
        raise ValidationException("AutoParameters are not served by the embedded AWS: give ranges instead.")
    ranges: list[Range] = [_numeric(item, True) for item in request.get("IntegerParameterRanges", [])]
    ranges += [_numeric(item, False) for item in request.get("ContinuousParameterRanges", [])]
    for item in request.get("CategoricalParameterRanges", []):
        if len(set(item["Values"])) != len(item["Values"]):
            raise ValidationException(f"The categorical hyperparameter {item['Name']} has duplicate values.")
        ranges.append(Categorical(item["Name"], tuple(item["Values"])))
    names = [own.name for own in ranges]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValidationException(f"Duplicate hyperparameter ranges found: {', '.join(repeated)}.")
    if len(names) > MOST_RANGES:
        raise ValidationException(
            f"The number of hyperparameters to tune, {len(names)}, is greater than {MOST_RANGES}."
        )
    return ranges


def grid(ranges: Sequence[Range]) -> Iterator[dict[str, str]]:
    """Every combination of categorical ranges, the last one changing first."""
    own = [item for item in ranges if isinstance(item, Categorical)]
    for values in itertools.product(*(item.values for item in own)):
        yield dict(zip((item.name for item in own), values, strict=True))


def grid_size(ranges: Sequence[Range]) -> int:
    """The number of combinations of categorical ranges."""
    return math.prod(len(item.values) for item in ranges if isinstance(item, Categorical))


def points(ranges: Sequence[Range], values: Mapping[str, str]) -> dict[str, Any] | None:
    """The points of all ranges for a job's values; None if one of them is missing or outside its range."""
    found = {item.name: item.point(values[item.name]) for item in ranges if item.name in values}
    return None if len(found) < len(ranges) or None in found.values() else found


def _numeric(item: Document, is_integer: bool) -> Numeric:
    name, kind = item["Name"], "integer" if is_integer else "continuous"
    low, high = (_number(item, member, is_integer) for member in ("MinValue", "MaxValue"))
    scale = item.get("ScalingType", "Auto")
    if low > high:
        raise ValidationException(
            f"The {kind} hyperparameter {name} has MinValue {item['MinValue']} greater than "
            f"MaxValue {item['MaxValue']}."
        )
    if scale == LOGARITHMIC and low <= 0:
        raise ValidationException(
            f"The {kind} hyperparameter {name} has MinValue {item['MinValue']}: "
            "logarithmic scaling works only for ranges that have values greater than 0."
        )
    if scale == REVERSE_LOGARITHMIC and (is_integer or not 0 <= low <= high < 1):
        raise ValidationException(
            f"The {kind} hyperparameter {name} from {item['MinValue']} to {item['MaxValue']}: reverse "
            "logarithmic scaling works only for continuous ranges entirely within the range 0 <= x < 1.0."
        )
    return Numeric(name, low, high, is_integer, scale)


def _number(item: Document, member: str, is_integer: bool) -> float:
    try:
        value = float(int(item[member]) if is_integer else float(item[member]))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        kind = "an integer" if is_integer else "a number"
        raise ValidationException(
            f"The hyperparameter {item['Name']} has {member} {item[member]!r}, expected {kind}."
        )
    return value
