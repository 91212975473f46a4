"""Evaluates search expressions on documents.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SearchExpression.html, API_Filter.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

MOST_ELEMENTS = 20
_PARTS = ("Filters", "NestedFilters", "SubExpressions")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def check(expression: Document, properties: frozenset[str]) -> None:
    """Refuse an expression that cannot be evaluated on documents with these properties.

    Raises:
        ValidationException: it is empty or too long, or a filter has no value or an unknown property.
    """
    elements = [element for part in _PARTS for element in expression.get(part, [])]
    if not 1 <= len(elements) <= MOST_ELEMENTS:
        raise ValidationException(
            f"A search expression has {len(elements)} filters, nested filters and subexpressions, "
            f"expected 1 to {MOST_ELEMENTS}."
        )
    nested = [item for group in expression.get("NestedFilters", []) for item in group["Filters"]]
    for item in [*expression.get("Filters", []), *nested]:
        if item["Name"].partition(".")[0] not in properties:
            raise ValidationException(f"Unknown property name: {item['Name']}")
        if item.get("Operator", "Equals") not in ("Exists", "NotExists") and "Value" not in item:
            raise ValidationException(f"The filter on {item['Name']} must specify a Value.")
    for part in expression.get("SubExpressions", []):
        check(part, properties)


def is_met(expression: Document, document: Document) -> bool:
    """Whether the document satisfies the expression."""
    results = [
        *(_is_filter_met(item, document) for item in expression.get("Filters", [])),
        *(_is_nested_met(item, document) for item in expression.get("NestedFilters", [])),
        *(is_met(item, document) for item in expression.get("SubExpressions", [])),
    ]
    return any(results) if expression.get("Operator") == "Or" else all(results)


def values(document: Any, name: str) -> list[Any]:
    """The values a property name leads to; through a list, those of all its elements."""
    return list(_values(document, name))


def _values(value: Any, path: str) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _values(element, path)
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, dict):
        if path in value:  # a metric's or a tag's own name may hold dots
            yield from _values(value[path], "")
            return
        first, _, rest = path.partition(".")
        if first in value:
            yield from _values(value[first], rest)


def _is_nested_met(nested: Document, document: Document) -> bool:
    """Whether one element of the list satisfies all filters, whose names begin with the list's."""
    prefix = nested["NestedPropertyName"]
    filters = [{**item, "Name": item["Name"].removeprefix(f"{prefix}.")} for item in nested["Filters"]]
    elements = values(document, prefix)
    return any(all(_is_filter_met(item, element) for item in filters) for element in elements)


def _is_filter_met(item: Document, document: Document) -> bool:
    found = values(document, item["Name"])
    name, wanted = item.get("Operator", "Equals"), item.get("Value", "")
    if name == "Exists":
        return bool(found)
    if name == "NotExists":
        return not found
    if name == "NotEquals":
        return not any(_is_equal(value, wanted) for value in found)
    if name == "Contains":
        return any(wanted.lower() in _text(value).lower() for value in found)
    if name == "In":
        options = [option.strip() for option in wanted.split(",")]
        return any(_is_equal(value, option) for value in found for option in options)
    if name == "Equals":
        return any(_is_equal(value, wanted) for value in found)
    return any(_is_ordered(_COMPARISONS[name], value, wanted) for value in found)


def _is_equal(value: Any, wanted: str) -> bool:
    own, other = _number(value), _number(wanted)
    return _text(value) == wanted or (own is not None and own == other)


def _is_ordered(compare: Callable[[Any, Any], bool], value: Any, wanted: str) -> bool:
    """Numbers and times by their size, other texts by their letters."""
    own, other = _number(value), _number(wanted)
    if own is not None and other is not None:
        return compare(own, other)
    return own is None and other is None and compare(_text(value), wanted)


def _number(value: Any) -> float | None:
    """A number, a text that is one, or a time as seconds since the epoch."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        pass
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
