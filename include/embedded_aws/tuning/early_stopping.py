"""Early stopping: the median rule of the service.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

LEAST_PREVIOUS_JOBS = 3  # the service gives no number; the median of fewer says little


def is_unpromising(
    objectives: Sequence[float], previous: Sequence[Sequence[float]], is_maximized: bool
) -> bool:
    """Whether a job's latest objective is worse than the median of the running averages of previous jobs.

    `objectives` and each of `previous` hold one value an epoch. The running average of a previous job is
    over its values up to the epoch the job has reached; jobs that did not reach it are left out.
    """
    epochs = len(objectives)
    reached = [own[:epochs] for own in previous if len(own) >= epochs]
    if not epochs or len(reached) < LEAST_PREVIOUS_JOBS:
        return False
    averages = [statistics.fmean(own) for own in reached]
    median = statistics.median(averages)
    return objectives[-1] < median if is_maximized else objectives[-1] > median
