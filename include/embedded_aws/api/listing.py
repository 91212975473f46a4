"""Listings: filters, order and pages, the same way for every sort of resource.

A page token holds the place of the last row, not a number of rows, so it stays right when rows
are added and after a restart.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from embedded_aws.api.context import Context
from embedded_aws.store import Document, Kind
from embedded_aws.wire.faults import ValidationException

DEFAULT_PAGE = 10
_COLUMNS = {"CreationTime": "created", "Name": "name", "Status": "status", "LastModifiedTime": "modified"}
_FILTERS = {
    "CreationTimeAfter": "created > ?",
    "CreationTimeBefore": "created < ?",
    "LastModifiedTimeAfter": "modified > ?",
    "LastModifiedTimeBefore": "modified < ?",
    "StatusEquals": "status = ?",
    "NameContains": "instr(lower(name), lower(?)) > 0",
}


def page(context: Context, kind: Kind, request: Document, member: str, order: str = "Ascending") -> Document:
    """One page of a listing: its rows under `member`, and a token if there are more.

    Raises:
        ValidationException: the token is not one of ours.
    """
    column = _COLUMNS[request.get("SortBy", "CreationTime")]
    is_descending = request.get("SortOrder", order) == "Descending"
    conditions, values = ["kind = ?"], [kind.name]
    for name, condition in _FILTERS.items():
        if name in request:
            conditions.append(condition)
            values.append(request[name])
    if "NextToken" in request:
        conditions.append(f"({column}, name) {'<' if is_descending else '>'} (?, ?)")
        values.extend(_place(request["NextToken"]))
    direction = "DESC" if is_descending else "ASC"
    size = request.get("MaxResults", DEFAULT_PAGE)
    rows = context.store.select(
        " AND ".join(conditions), values, f"{column} {direction}, name {direction}", size + 1
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
