"""What a tuning job may search: hyperparameters, their bounds and scales, and how requests carry them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
and for the built-in algorithm https://docs.aws.amazon.com/sagemaker/latest/dg/IC-tuning.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from idc.errors import ConfigurationError
from idc.variants.hyperparameters import SCALES, Range


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
    found = tuple(_given(known[name], value) for name, value in given.items() if name in known)
    if not found:
        action = "Choose the variant that these ranges are of, or add ranges for the other."
        raise ConfigurationError("ranges", ", ".join(given), "of another", f"of {', '.join(known)}", action)
    return found


def check_names(given: Iterable[str], known: Iterable[Range]) -> None:
    """Check that each name is the hyperparameter of some range in `known`.

    Raises:
        ConfigurationError: one is not, as when it is misspelt.
    """
    names = dict.fromkeys(one.name for one in known)
    for name in given:
        if name not in names:
            expected = f"one of {', '.join(names)}"
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
