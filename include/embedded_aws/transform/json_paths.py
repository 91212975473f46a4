"""The JSONPath filters of batch transform: children, several children, indexes and slices.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import re
from typing import Any

from jsonpath_ng import Child, Fields, JSONPath, Slice
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import Descendants
from jsonpath_ng.parser import parse

from embedded_aws.transform.transform_failures import BadRecord

WHOLE = "$"
_UNION = re.compile(r"^(?P<base>.*)\[(?P<parts>[-\d:\s]+(?:,[-\d:\s]+)+)\]$")


class Path:
    """One filter: picks a part of a record.

    Several names give an object of those, several indexes or a slice an array, all else the value.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        union = _UNION.match(text)
        parts = (
            [f"{union['base']}[{part.strip()}]" for part in union["parts"].split(",")] if union else [text]
        )
        self._expressions = [_parsed(part) for part in parts]
        last = _last(self._expressions[0])
        self._is_object = isinstance(last, Fields) and (len(last.fields) > 1 or last.fields == ("*",))
        self._is_array = union is not None or isinstance(last, Slice)
        self._is_array |= isinstance(self._expressions[0], Descendants)

    @property
    def is_whole(self) -> bool:
        """Whether the filter picks everything."""
        return self.text == WHOLE

    def pick(self, record: Any) -> Any:
        """The part of the record.

        Raises:
            BadRecord: the record has no such part.
        """
        if self.is_whole:
            return record
        found = [expression.find(record) for expression in self._expressions]
        matches = [match for group in found for match in group]
        if not all(found):
            raise BadRecord(f"Unable to filter: {self.text} selects nothing of a record")
        if self._is_object:
            return {str(match.path): match.value for match in matches}
        values = [match.value for match in matches]
        return values if self._is_array else values[0]


def is_path(text: str) -> bool:
    """Whether the text is a filter that can be understood."""
    try:
        Path(text)
    except (JSONPathError, ValueError):
        return False
    return text.startswith(WHOLE)


def _parsed(text: str) -> JSONPath:
    expression: JSONPath = parse(text)
    return expression


def _last(expression: JSONPath) -> JSONPath:
    """The last step of a path."""
    while isinstance(expression, (Child, Descendants)):
        expression = expression.right
    return expression
