"""What SageMaker says of a job in full, asked for once when the job is over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from histoflow.hooks.page import found
from idc.dashboard.jobs import Job
from idc.errors import MissingObject
from idc.jobs.spec import JobKind

KEPT = 2000  # of about 5 kB

Description = Mapping[str, Any]


class Descriptions:
    """Describes jobs; safe to be asked by many threads."""

    def __init__(self, api: Callable[[], Any], kept: int = KEPT) -> None:
        """Describe with the SageMaker client that `api` returns, and remember at most `kept` jobs."""
        self._api = api
        self._kept = kept
        self._known: OrderedDict[Job, Description] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, job: Job) -> Description:
        """Return the description of a job that is listed; of one that is over, the same as before.

        Raises:
            HistoflowError: as `describe`.
        """
        with self._lock:
            if job in self._known:
                return self._known[job]
        described = self.describe(job.kind, job.name)
        if job.is_over:
            with self._lock:
                self._known[job] = described
                while len(self._known) > self._kept:
                    self._known.popitem(last=False)
        return described

    def describe(self, kind: JobKind, name: str) -> Description:
        """Return the present description of a job.

        Raises:
            MissingObject: there is no such job.
            RequestRejected: SageMaker refused the request.
            ServiceError: SageMaker could not be reached.
        """
        call = getattr(self._api(), f"describe_{kind.operation}")
        described = found(call, kind, name, **{f"{kind}Name": name})
        if described is None:
            action = "It may have been deleted, or be in another account or region."
            raise MissingObject(kind, name, "not there", "a job of this name", action)
        return described
