"""The table of jobs: filter, sort and page SageMaker's job summaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from idc.errors import ConfigurationError
from idc.jobs.spec import JobKind

KINDS = {kind.name.lower(): kind for kind in JobKind}
ORDERS = ("created", "name", "kind", "status", "duration")
LARGEST_PAGE = 100


def kind_of(text: str) -> JobKind:
    """Return the kind that a page's address means: `training`, or the API's own word `TrainingJob`.

    Raises:
        ConfigurationError: there is no such kind.
    """
    for name, kind in KINDS.items():
        if text in (name, kind.value):
            return kind
    raise ConfigurationError(
        "kind of job", repr(text), "unknown", f"one of {', '.join(KINDS)}", "Correct it."
    )


@dataclass(frozen=True)
class Job:
    """A job of a listing; `note` is the failure reason, or the progress of a tuning job."""

    kind: JobKind
    name: str
    status: str
    created: datetime
    modified: datetime
    ended: datetime | None
    note: str

    @classmethod
    def from_summary(cls, kind: JobKind, summary: Mapping[str, Any]) -> Self:
        """Read an entry of `ListTrainingJobs` and its like."""
        counts = summary.get("TrainingJobStatusCounters", {})
        said = summary.get("FailureReason") or summary.get("ExitMessage") or ""
        return cls(
            kind=kind,
            name=summary[f"{kind}Name"],
            status=summary[f"{kind}Status"],
            created=summary["CreationTime"],
            modified=summary.get("LastModifiedTime") or summary["CreationTime"],
            ended=summary.get(f"{kind.removesuffix('Job')}EndTime"),
            note=said or ", ".join(f"{number} {_spaced(word)}" for word, number in counts.items() if number),
        )

    @property
    def is_over(self) -> bool:
        """Whether the status will not change any more."""
        return self.status in {"Completed", "Failed", "Stopped"}

    def duration_s(self, now: datetime) -> float:
        """Return the seconds from creation to the end, or to now."""
        return ((self.ended or (self.modified if self.is_over else now)) - self.created).total_seconds()

    def shown(self, now: datetime) -> dict[str, Any]:
        """Return the job as the page takes it."""
        return {
            "kind": self.kind.name.lower(),
            "name": self.name,
            "status": self.status,
            "is_over": self.is_over,
            "created": self.created.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
            "duration_s": round(self.duration_s(now)),
            "note": self.note,
        }


@dataclass(frozen=True)
class Query:
    """Which jobs, in which order, and which page of them; empty kinds and statuses mean all."""

    text: str = ""
    kinds: frozenset[JobKind] = frozenset()
    statuses: frozenset[str] = frozenset()
    order: str = "created"
    is_descending: bool = True
    page: int = 1
    size: int = 25

    def answer(self, jobs: Iterable[Job], now: datetime) -> Page:
        """Return the page; one after the last is the last."""
        named = [
            job
            for job in jobs
            if self.text.lower() in job.name.lower() and (not self.kinds or job.kind in self.kinds)
        ]
        counts = Counter(job.status for job in named)
        met = [job for job in named if not self.statuses or job.status in self.statuses]
        met.sort(key=lambda job: _key(job, self.order, now), reverse=self.is_descending)
        pages = max(1, -(-len(met) // self.size))
        page = min(self.page, pages)
        first = (page - 1) * self.size
        return Page(met[first : first + self.size], len(met), page, pages, dict(sorted(counts.items())))


@dataclass(frozen=True)
class Page:
    """Some of the jobs that were asked for; `counts` are by status, before the statuses asked for."""

    jobs: Sequence[Job]
    total: int
    page: int
    pages: int
    counts: Mapping[str, int]


def _key(job: Job, order: str, now: datetime) -> tuple[Any, str]:
    keys = {
        "created": job.created,
        "name": job.name,
        "kind": job.kind.value,
        "status": job.status,
        "duration": job.duration_s(now),
    }
    return keys[order], job.name


def _spaced(word: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in word).strip()
