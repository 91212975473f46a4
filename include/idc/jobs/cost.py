"""What a job may cost before it runs, and what it did cost: instances × time × price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idc.jobs.progress import definitions, time_limit
from idc.jobs.spec import JobKind

if TYPE_CHECKING:
    from idc.jobs.prices import Prices

HOUR_S = 3600
# SageMaker's own limit where a request of this kind names none, in seconds; a transform job may not name any.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html
DEFAULT_LIMIT_S = 86400


@dataclass(frozen=True)
class Fleet:
    """The instances of a job: their type, their number, and for how many seconds at most."""

    instance_type: str
    instance_count: int
    limit_s: int

    @classmethod
    def of(cls, kind: JobKind, request: Mapping[str, Any]) -> Fleet:
        """Read a create request or a description; a tuning job's is of all its training jobs."""
        if kind is JobKind.TUNING:
            return _of_tuning(request)
        resources = request.get("ResourceConfig") or request.get("TransformResources")
        resources = resources or request["ProcessingResources"]["ClusterConfig"]
        stopping = request.get("StoppingCondition", {})
        limit_s = int(stopping.get("MaxRuntimeInSeconds", DEFAULT_LIMIT_S))
        # A cluster of several groups has no type of its own, and so no price.
        return cls(
            str(resources.get("InstanceType", "several types")),
            int(resources.get("InstanceCount", 1)),
            limit_s,
        )

    def cost(self, prices: Prices, seconds: float) -> float | None:
        """Return the price of so many seconds of each instance, None where the table lacks the type."""
        price = prices.per_hour.get(self.instance_type)
        return None if price is None else round(price * self.instance_count * seconds / HOUR_S, 4)

    def estimate(self, prices: Prices) -> str:
        """Return a sentence on what the job costs at most on Amazon."""
        machines = f"{self.instance_count} × {self.instance_type} for at most {self.limit_s} s"
        most = self.cost(prices, self.limit_s)
        if most is None:
            return f"Cost on Amazon unknown: {machines}, and no price of {self.instance_type} in the table."
        return f"Cost on Amazon at most {most:.2f} {prices.currency}: {machines} (prices of {prices})."


def _of_tuning(request: Mapping[str, Any]) -> Fleet:
    """Return the largest machines of a search, for as long as all its jobs that run at once may take."""
    fleets = [Fleet.of(JobKind.TRAINING, one) for one in definitions(request)]
    largest = max(fleets, key=lambda fleet: fleet.instance_count)
    limits = request.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    parallel = int(limits.get("MaxParallelTrainingJobs", 1))
    limit_s = int(time_limit(request).total_seconds())
    return Fleet(largest.instance_type, largest.instance_count * parallel, limit_s)
