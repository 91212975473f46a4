"""Poll intervals for jobs and endpoints, and the outcomes of a wait."""

from __future__ import annotations

import random
from collections.abc import Iterator

from airflow.configuration import conf

# How a wait ends.
AT_REST = "at rest"  # SageMaker is done
OVERDUE = "overdue"  # the deadline has passed
UNKNOWN = "unknown"  # SageMaker refuses to describe it

FIRST_S = 1.0
LONGEST_S = 5.0
GROWTH = 1.25
JITTER = 0.2


def intervals() -> Iterator[float]:
    """Yield seconds between polls: they grow to five, with jitter to keep many tasks out of step."""
    interval = FIRST_S
    while True:
        yield interval * random.uniform(1 - JITTER, 1 + JITTER)
        interval = min(interval * GROWTH, LONGEST_S)


def handover_s() -> float:
    """Return how long a new trigger waits before its first event, in seconds.

    The supervisor notices the end of the deferring process up to one `workers.min_heartbeat_interval` late.
    An earlier event makes the scheduler retry the resumed task as if it had been killed.
    """
    return 1.0 + 2 * float(conf.getint("workers", "min_heartbeat_interval"))
