"""When to ask how a job is doing: not at once, and then ever less often; and how the asking ends."""

from __future__ import annotations

import random
from collections.abc import Iterator

from airflow.configuration import conf

# How a wait ends.
AT_REST = "at rest"  # SageMaker is done: the task reads what came of it
OVERDUE = "overdue"  # it should have been done by now
UNKNOWN = "unknown"  # SageMaker will not say

FIRST_S = 1.0
LONGEST_S = 5.0
GROWTH = 1.25
JITTER = 0.2


def intervals() -> Iterator[float]:
    """Yield seconds to wait, growing to five and scattered, so that many waiting tasks do not ask in step."""
    interval = FIRST_S
    while True:
        yield interval * random.uniform(1 - JITTER, 1 + JITTER)
        interval = min(interval * GROWTH, LONGEST_S)


def handover_s() -> float:
    """Return how long a trigger must keep quiet at first, in seconds.

    The supervisor of the process that deferred may notice its end one `workers.min_heartbeat_interval` later.
    An event before the executor has heard of that end lets the scheduler take the resumed task for one that
    was killed, and retry it.
    """
    return 1.0 + 2 * float(conf.getint("workers", "min_heartbeat_interval"))
