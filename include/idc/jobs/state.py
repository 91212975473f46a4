"""What SageMaker says of a job or an endpoint, reduced to what the pipeline decides on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from idc.errors import HistoflowError, JobFailed, ServiceError
from idc.jobs.cost import Fleet
from idc.jobs.progress import progress, time_limit
from idc.jobs.spec import JobKind

if TYPE_CHECKING:
    from idc.jobs.prices import Prices

# After its time limit SageMaker still uploads what the job left; a job that takes longer than this is lost.
UPLOAD_GRACE = timedelta(minutes=30)
# How long an accepted job may wait for capacity, or for its turn.
PENDING_LIMIT = timedelta(hours=24)


@dataclass(frozen=True)
class JobResult:
    """A completed job: its name, seconds of work and of billing, price, model and last metrics.

    Seconds and price are None where they are not known.
    """

    job: str
    arn: str = ""
    run_s: int | None = None
    billable_s: int | None = None
    model_data: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values for the next task; omit what is not known."""
        known = {name: value for name, value in asdict(self).items() if value not in (None, "", {})}
        return {"run_s": self.run_s, **known}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that `to_dict` wrote."""
        return cls(**values)


@dataclass(frozen=True)
class JobState:
    """A job as described: where it is in its life, and what it left behind.

    A tuning job has no start of its own; `progress` is a line on its training jobs, empty for other kinds.
    `fleet` are the machines it is billed for, and `billable_s` the seconds of each; None where SageMaker does
    not say.
    """

    kind: JobKind
    name: str
    arn: str
    status: str
    secondary_status: str
    failure_reason: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    limit: timedelta
    model_data: str
    metrics: dict[str, float]
    progress: str = ""
    fleet: Fleet | None = None
    reported_billable_s: int | None = None

    @classmethod
    def from_description(cls, kind: JobKind, description: Mapping[str, Any]) -> Self:
        """Read the answer of `DescribeTrainingJob` and its like."""
        is_tuning = kind is JobKind.TUNING
        times = kind.removesuffix("Job")
        metrics = {item["MetricName"]: item["Value"] for item in description.get("FinalMetricDataList", [])}
        return cls(
            kind=kind,
            name=description[f"{kind}Name"],
            arn=description[f"{kind}Arn"],
            status=description[f"{kind}Status"],
            secondary_status=description.get("SecondaryStatus", ""),
            failure_reason=description.get("FailureReason") or description.get("ExitMessage") or "",
            created=description["CreationTime"],
            started=description.get(f"{times}StartTime"),
            ended=description.get(f"{times}EndTime"),
            limit=time_limit(description) if is_tuning else _limit(description),
            model_data=description.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
            metrics={name: value for name, value in metrics.items() if math.isfinite(value)},
            progress=progress(description) if is_tuning else "",
            fleet=Fleet.of(kind, description) if _has_fleet(description) else None,
            reported_billable_s=description.get("BillableTimeInSeconds"),
        )

    @property
    def is_running(self) -> bool:
        """Whether the job is on its way to an end of its own."""
        return self.status == "InProgress"

    @property
    def is_over(self) -> bool:
        """Whether the job's status will not change any more."""
        return self.status in {"Completed", "Failed", "Stopped"}

    @property
    def has_completed(self) -> bool:
        """Whether the job did what it was for."""
        return self.status == "Completed"

    @property
    def deadline(self) -> datetime:
        """When to give the job up, from its own stopping condition."""
        return (self.started or self.created + PENDING_LIMIT) + self.limit + UPLOAD_GRACE

    @property
    def run_s(self) -> int | None:
        """How long the job ran, in whole seconds, once it is over; a tuning job runs from its creation."""
        started = self.created if self.kind is JobKind.TUNING else self.started
        if started is None or self.ended is None:
            return None
        return round((self.ended - started).total_seconds())

    @property
    def billable_s(self) -> int | None:
        """How many seconds of each instance are billed: as SageMaker reports, else as long as the job ran.

        A search is billed by its training jobs, so there is no such number for it.
        """
        if self.kind is JobKind.TUNING:
            return None
        return self.run_s if self.reported_billable_s is None else self.reported_billable_s

    def cost(self, prices: Prices) -> float | None:
        """Return what Amazon bills for the job's instances; None where time or price are not known."""
        if self.fleet is None or self.billable_s is None:
            return None
        return self.fleet.cost(prices, self.billable_s)

    def failure(self, *, is_adopted: bool = False) -> HistoflowError:
        """Return the error that this end of a job means.

        SageMaker's own failures are worth another attempt, and so is the stop of a job that another try of
        the task began: that try's end may be what stopped it.
        """
        reason = self.failure_reason or self.secondary_status or "no reason given"
        observed = f"{self.status}: {reason}"
        is_stopped = self.status == "Stopped" and self.secondary_status != "MaxRuntimeExceeded"
        if (is_adopted and is_stopped) or reason.startswith(("InternalServerError", "CapacityError")):
            return ServiceError(self.kind, self.name, observed, "Completed", "The next try is a new attempt.")
        action = f"Read its log in {self.kind.log_group}, mend the cause and run the task again."
        return JobFailed(self.kind, self.name, observed, "Completed", action)

    def result(self, cost: float | None = None) -> JobResult:
        """Return what a task hands on of a completed job."""
        return JobResult(
            job=self.name,
            arn=self.arn,
            run_s=self.run_s,
            billable_s=self.billable_s,
            model_data=self.model_data,
            metrics=self.metrics,
            cost=cost,
        )


def _has_fleet(description: Mapping[str, Any]) -> bool:
    """Return whether a description says what the job runs on; those of tests may not."""
    return bool({"ResourceConfig", "TransformResources", "ProcessingResources"} & set(description))


def _limit(description: Mapping[str, Any]) -> timedelta:
    stopping = description.get("StoppingCondition", {})
    return timedelta(
        seconds=max(stopping.get("MaxRuntimeInSeconds", 86400), stopping.get("MaxWaitTimeInSeconds", 0))
    )


@dataclass(frozen=True)
class EndpointState:
    """An endpoint as described."""

    name: str
    arn: str
    status: str
    config: str
    pending_config: str
    failure_reason: str

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Read the answer of `DescribeEndpoint`."""
        pending = description.get("PendingDeploymentSummary", {})
        return cls(
            name=description["EndpointName"],
            arn=description["EndpointArn"],
            status=description["EndpointStatus"],
            config=description.get("EndpointConfigName", ""),
            pending_config=pending.get("EndpointConfigName", ""),
            failure_reason=description.get("FailureReason", ""),
        )

    @property
    def is_changing(self) -> bool:
        """Whether SageMaker is still at work on the endpoint."""
        return self.status in {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}

    def serves(self, config: str) -> bool:
        """Return whether the endpoint answers, from the configuration `config`."""
        return self.status == "InService" and self.config == config

    def is_moving_to(self, config: str) -> bool:
        """Return whether the change under way, if any, is towards the configuration `config`."""
        target = self.config if self.status == "Creating" else self.pending_config
        return self.is_changing and config == target
