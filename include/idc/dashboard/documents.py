"""JSON objects of the bucket, fetched in parallel and cached by their ETag."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from idc.storage import ObjectStore, translated

# Of 36 partitions there are some 200 documents of about 5 kB.
KEPT = 2000


@dataclass(frozen=True)
class Entry:
    """An object in a listing."""

    key: str
    etag: str


class Documents:
    """Read JSON objects; safe for many threads."""

    def __init__(self, store: Callable[[], ObjectStore], executor: Executor, kept: int = KEPT) -> None:
        """Read from the current `store` with the threads of `executor`; cache at most `kept` objects."""
        self._store = store
        self._executor = executor
        self._kept = kept
        self._known: OrderedDict[Entry, Any] = OrderedDict()
        self._listed: dict[str, tuple[float, list[Entry]]] = {}
        self._lock = threading.Lock()

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below a prefix, sorted."""
        found: list[str] = []
        for answer in self._pages(prefix, Delimiter="/"):
            found.extend(item["Prefix"][len(prefix) : -1] for item in answer.get("CommonPrefixes", []))
        return found

    def entries(self, prefix: str) -> list[Entry]:
        """Return every object below a prefix."""
        return [
            Entry(item["Key"], item["ETag"])
            for answer in self._pages(prefix)
            for item in answer.get("Contents", [])
        ]

    def entries_of(self, prefixes: Sequence[str], age_s: float = 0) -> list[list[Entry]]:
        """Return the objects below each prefix, listed in parallel; listings are reused for `age_s`."""
        return list(self._executor.map(lambda prefix: self._entries(prefix, age_s), prefixes))

    def read(self, entries: Sequence[Entry]) -> dict[str, Mapping[str, Any]]:
        """Return each object's JSON by its key, without objects that are no JSON object or were deleted."""
        with self._lock:
            missing = [entry for entry in entries if entry not in self._known]
        for entry, value in zip(missing, self._executor.map(self._fetched, missing), strict=True):
            self._remember(entry, value)
        with self._lock:
            values = {entry.key: self._known.get(entry) for entry in entries}
        return {key: value for key, value in values.items() if value is not None}

    def find(self, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the JSON of the keys that exist, without the cache."""
        store = self._store()
        values = self._executor.map(lambda key: _parsed(store.find(key)), keys)
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def _entries(self, prefix: str, age_s: float) -> list[Entry]:
        with self._lock:
            listed_at, found = self._listed.get(prefix, (-math.inf, []))
        if time.monotonic() - listed_at >= age_s:
            listed_at, found = time.monotonic(), self.entries(prefix)
            with self._lock:
                self._listed[prefix] = listed_at, found
        return found

    def _fetched(self, entry: Entry) -> Mapping[str, Any] | None:
        return _parsed(self._store().find(entry.key))

    def _remember(self, entry: Entry, value: Mapping[str, Any] | None) -> None:
        with self._lock:
            self._known[entry] = value
            while len(self._known) > self._kept:
                self._known.popitem(last=False)

    def _pages(self, prefix: str, **options: str) -> Iterable[Mapping[str, Any]]:
        store = self._store()
        paginator: Any = store.client.get_paginator("list_objects_v2")  # its stubs want every option by name
        with translated("list", store.uri(prefix)):
            yield from paginator.paginate(Bucket=store.bucket, Prefix=prefix, **options)


def _parsed(body: bytes | None) -> Mapping[str, Any] | None:
    try:
        value = json.loads(body) if body is not None else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
