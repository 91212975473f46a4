"""Listings of all kinds of resources: filters, order, pages.

A page token holds the position of the last row, not a row count. So pages stay right when rows are
added and after a restart.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from embedded_aws.api.context import Context
from embedded_aws.store.resources import Document, Kind
from embedded_aws.wire.faults import ValidationException

Conditions = list[tuple[str] | tuple[str, object]]

DEFAULT_PAGE = 10
_COLUMNS = {"CreationTime": "created", "Name": "name", "Status": "status", "LastModifiedTime": "modified"}
_FILTERS = {  # times are told, and so compared, in milliseconds
    "CreationTimeAfter": "round(created, 3) > round(?, 3)",
    "CreationTimeBefore": "round(created, 3) < round(?, 3)",
    "LastModifiedTimeAfter": "round(modified, 3) > round(?, 3)",
    "LastModifiedTimeBefore": "round(modified, 3) < round(?, 3)",
    "StatusEquals": "status = ?",
    "NameContains": "name LIKE '%' || ? || '%'",  # its pattern has no wildcards; LIKE knows no case
}


def page(
    context: Context,
    kind: Kind,
    request: Document,
    member: str,
    order: str = "Ascending",
    conditions: Sequence[tuple[str] | tuple[str, object]] = (),
) -> Document:
    """One page of a listing: its rows under `member`, and a token if there are more.

    `conditions` are further ones, each with its value if it has a place for one.

    Raises:
        ValidationException: the token is not one of ours.
    """
    column = _COLUMNS[request.get("SortBy", "CreationTime")]
    is_descending = request.get("SortOrder", order) == "Descending"
    all_conditions: Conditions = [("kind = ?", kind.name), *conditions]
    all_conditions += [(condition, request[name]) for name, condition in _FILTERS.items() if name in request]
    clauses = [clause for clause, *_ in all_conditions]
    values = [value for _, *given in all_conditions for value in given]
    if "NextToken" in request:
        clauses.append(f"({column}, name) {'<' if is_descending else '>'} (?, ?)")
        values.extend(_place(request["NextToken"]))
    direction = "DESC" if is_descending else "ASC"
    size = request.get("MaxResults", DEFAULT_PAGE)
    rows = context.store.select(
        " AND ".join(clauses), values, f"{column} {direction}, name {direction}", size + 1
    )
    answer: Document = {member: [row.document for row in rows[:size]]}
    if len(rows) > size:
        last = rows[size - 1]
        answer["NextToken"] = _token(getattr(last, column), last.name)
    return answer


def _token(value: Any, name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([value, name]).encode()).decode()


def _place(token: str) -> list[Any]:
    try:
        value, name = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise ValidationException("Invalid NextToken: it is not one this service gave.") from error
    return [value, name]
