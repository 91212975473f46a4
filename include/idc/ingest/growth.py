"""Resolve a generated sample that grows: patients are added every month, existing ones never change.

`synthetic://?patients=8&patches=480&seed=7&grows=2&since=2026-06` has 8 patients in June 2026 and before, 10
in July, 12 in August; every patient keeps each patch, byte for byte. `months` says how often it has grown: it
takes the place of `since` in the address of one month's archive, which then names the same bytes for good.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from idc.errors import ConfigurationError

SCHEME = "synthetic"
FIRST = "2026-01"  # where a sample that does not say since when has begun to grow
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def of_partition(uri: str, partition: str) -> str:
    """Return the address of the sample in the month `partition`: `uri` itself, unless the sample grows.

    Raises:
        ConfigurationError: the sample grows, and one of the two is not a month.
    """
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != SCHEME or "grows" not in query or "months" in query:
        return uri
    months = _count(partition) - _count(query.pop("since", FIRST))
    return f"{SCHEME}://?{urlencode({**query, 'months': max(months, 0)})}"


def _count(month: str) -> int:
    """Return the number of a month, from the year 0 on."""
    found = _MONTH.fullmatch(month)
    if found is None:
        action = "A sample that grows needs partitions, and a `since`, such as 2026-06."
        raise ConfigurationError("month", repr(month), "not one", "a year and a month", action)
    return int(found[1]) * 12 + int(found[2])
