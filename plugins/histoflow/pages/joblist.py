"""Every recent job of the account and region, listed once and then only as far as it has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from histoflow.hooks.aws import aws_errors
from idc.dashboard.jobs import Job
from idc.errors import HistoflowError
from idc.jobs.spec import JobKind

KEPT = 1000  # of each kind, the newest
PAGE = 100  # the most that SageMaker gives at a time
FRESH_S = 2.0  # many who look at once are one who looks
WHOLE_S = 900.0  # what has been deleted is gone from the list after this long
OVERLAP = timedelta(seconds=2)  # a change of the very moment of the last look may have been missed


@dataclass
class Shelf:
    """The jobs of one kind that are known, and when they were looked for."""

    jobs: dict[str, Job] = field(default_factory=dict)
    listed_at: float = 0.0
    looked_at: float = 0.0
    is_cut: bool = False
    problem: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Jobs:
    """All jobs; `problems` are of the kinds that could not be listed, `is_cut` says that older ones exist."""

    jobs: Sequence[Job]
    problems: Sequence[str]
    is_cut: bool


class JobList:
    """The jobs of all kinds, safe to be asked by many threads."""

    def __init__(self, api: Callable[[], Any], executor: Executor, fresh_s: float = FRESH_S) -> None:
        """List with the client that `api` returns; what is younger than `fresh_s` is not looked for again."""
        self.fresh_s = fresh_s
        self._api = api
        self._executor = executor
        self._shelves = {kind: Shelf() for kind in JobKind}

    def read(self) -> Jobs:
        """Return the jobs, newest first or not; a kind that cannot be listed spoils no other."""
        shelves = list(self._executor.map(self._refreshed, self._shelves))
        return Jobs(
            jobs=[job for shelf in shelves for job in list(shelf.jobs.values())],
            problems=[shelf.problem for shelf in shelves if shelf.problem],
            is_cut=any(shelf.is_cut for shelf in shelves),
        )

    def _refreshed(self, kind: JobKind) -> Shelf:
        shelf = self._shelves[kind]
        with shelf.lock:
            now = time.monotonic()
            if shelf.looked_at and now - shelf.looked_at < self.fresh_s:
                return shelf
            try:
                with aws_errors("list of jobs", kind):
                    self._refresh(kind, shelf, now)
                shelf.problem = ""
            except HistoflowError as error:
                shelf.problem = str(error)
            shelf.looked_at = time.monotonic()
        return shelf

    def _refresh(self, kind: JobKind, shelf: Shelf, now: float) -> None:
        if not shelf.listed_at or now - shelf.listed_at > WHOLE_S:
            found, shelf.is_cut = self._listed(kind)
            shelf.jobs, shelf.listed_at = {job.name: job for job in found}, now
            return
        latest = max((job.modified for job in shelf.jobs.values()), default=None)
        changed, _ = self._listed(kind, since=latest and latest - OVERLAP)
        merged = {**shelf.jobs, **{job.name: job for job in changed}}
        newest = sorted(merged.values(), key=lambda job: job.created, reverse=True)
        shelf.is_cut = shelf.is_cut or len(newest) > KEPT
        shelf.jobs = {job.name: job for job in newest[:KEPT]}

    def _listed(self, kind: JobKind, since: datetime | None = None) -> tuple[list[Job], bool]:
        """Return at most `KEPT` jobs, those changed `since`, newest first; and whether there are more."""
        call = getattr(self._api(), f"list_{kind.operation.removesuffix('_job')}_jobs")
        request: dict[str, Any] = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": PAGE}
        if since is not None:
            request["LastModifiedTimeAfter"] = since
        found: list[Job] = []
        while True:
            answer: Mapping[str, Any] = call(**request)
            found.extend(Job.from_summary(kind, one) for one in answer[f"{kind}Summaries"])
            if "NextToken" not in answer or len(found) >= KEPT:
                return found[:KEPT], "NextToken" in answer
            request["NextToken"] = answer["NextToken"]
