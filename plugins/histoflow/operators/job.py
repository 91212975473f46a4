"""The base of all operators that run one SageMaker job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from histoflow.links import JOB_LINKS, JobFacts, JobFactsLink
from idc.errors import JobFailed, RequestRejected
from idc.jobs.spec import JobKind, JobSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import BaseOperatorLink, Context

    from histoflow.hooks.sagemaker import SageMakerHook
    from histoflow.joblog import JobLog, TaskLog
    from histoflow.positions import LogPosition
    from idc.jobs.state import JobState


class SageMakerJobOperator(BaseOperator):
    """Submits or adopts the job of a specification, and waits for it without a worker.

    `spec` is a `JobSpec` as plain values, usually from the task before. Without one the task is skipped. The
    task's log has the job's log, each line once. Returns a `JobResult` as plain values.
    """

    template_fields: Sequence[str] = ("spec",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"spec": "json"}
    operator_extra_links: Sequence[BaseOperatorLink] = JOB_LINKS
    kind: ClassVar[JobKind]

    def __init__(
        self,
        *,
        spec: Mapping[str, Any] | None,
        deferrable: bool = True,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Run the job of `spec`; with `deferrable=False` the worker waits."""
        super().__init__(**kwargs)
        self.spec = spec
        self.deferrable = deferrable
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self._job: str | None = None
        self._is_killed = False

    @cached_property
    def hook(self) -> SageMakerHook:
        """The hook, created at the first use in a task."""
        from histoflow.hooks.sagemaker import SageMakerHook

        return SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit or adopt the job and wait for it."""
        if self.spec is None:
            raise AirflowSkipException("There is no job to run: the task before says why.")
        self._prepare(self.spec)
        spec = JobSpec.from_dict(self.kind, self.spec)
        submission = self.hook.submit_or_adopt(spec)
        state, self._job = submission.state, submission.state.name
        log = self._log_of(state.name, context)
        self._announce(spec, state, context)
        if self._is_killed:
            self.on_kill()
        elif self.deferrable and not state.is_over:
            self._defer(state, log.position, context, is_adopted=submission.is_adopted)
        return self._finish(self.hook.wait(state, log.print_new), log, is_adopted=submission.is_adopted)

    def resume(self, context: Context, event: dict[str, Any], is_adopted: bool) -> dict[str, Any]:
        """Return the job's result after the trigger has fired."""
        from histoflow.positions import LogPosition

        self._job = job = str(event["name"])
        log = self._log_of(job, context)
        log.keep(LogPosition.of(job, event.get("log")))
        if event["message"]:
            self.on_kill()
            action = "It was asked to stop. Run the task again."
            raise RequestRejected(self.kind, job, event["message"], "to be described", action)
        return self._finish(self.hook.job(self.kind, job), log, is_adopted=is_adopted)

    def on_kill(self) -> None:
        """Stop the job, so that a killed task leaves nothing running and billed."""
        self._is_killed = True  # a job that is being submitted at this moment is stopped by `execute`
        if self._job is not None:
            self.log.info("Stopping %s %s.", self.kind, self._job)
            self.hook.stop_job(self.kind, self._job)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002
        """Return the job's lineage for OpenLineage."""
        from histoflow.lineage import lineage

        return lineage(JobSpec.from_dict(self.kind, self.spec) if self.spec else None, self._job)

    def _prepare(self, spec: Mapping[str, Any]) -> None:
        """Create what the job needs before it is submitted."""

    def _announce(self, spec: JobSpec, state: JobState, context: Context) -> None:
        """Log what the job may cost, and show the task's buttons while the job runs."""
        from idc.dashboard.console_links import region_of
        from idc.jobs.prices import prices

        if state.fleet is not None and not state.is_over:
            self.log.info("%s", state.fleet.estimate(prices()))
        run = context.get("dag_run")
        facts = JobFacts(
            kind=self.kind,
            job=state.name,
            region=region_of(self.hook.api),
            partition=run.partition_key if run is not None else None,
            variant=spec.variant,
            dataset_digest=spec.dataset_digest,
        )
        JobFactsLink.persist(context, self.operator_extra_links, facts)

    def _defer(self, state: JobState, position: LogPosition, context: Context, *, is_adopted: bool) -> None:
        from histoflow.joblog import KEY
        from histoflow.triggers.sagemaker import SageMakerJobTrigger

        if (ti := context.get("ti")) is not None:
            ti.xcom_push(key=KEY, value=position.to_dict())  # the trigger keeps its own position there
        trigger = SageMakerJobTrigger(
            kind=str(state.kind),
            name=state.name,
            log_position=position.to_dict(),
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
        )
        self.defer(trigger=trigger, method_name="resume", kwargs={"is_adopted": is_adopted})

    def _finish(self, state: JobState, log: JobLog, *, is_adopted: bool) -> dict[str, Any]:
        """Print the rest of the job's log; return its result, or raise why it failed."""
        if not state.is_over:
            self.on_kill()
            action = f"Its time limit was {state.limit}; it was asked to stop. Look at it in SageMaker."
            expected = f"an end by {state.deadline:%F %T} UTC"
            raise JobFailed(state.kind, state.name, state.status, expected, action)
        self._print_rest(state, log)
        if not state.has_completed:
            raise state.failure(is_adopted=is_adopted)
        self.log.info("%s %s has completed in %s s.", state.kind, state.name, state.run_s)
        return self._result(state)

    def _result(self, state: JobState) -> dict[str, Any]:
        """Return the result of a completed job as plain values."""
        from idc.jobs.prices import prices

        cost = state.cost(table := prices())
        if cost is not None:
            self.log.info("Cost on Amazon %.4f %s (prices of %s).", cost, table.currency, table)
        return state.result(cost).to_dict()

    def _print_rest(self, state: JobState, log: JobLog) -> None:  # noqa: ARG002
        """Print the rest of the job's log."""
        log.print_rest()

    def _log_of(self, job: str, context: Context) -> TaskLog:
        from histoflow.hooks.logs import LogsHook
        from histoflow.joblog import TaskLog

        hook = LogsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        return TaskLog(hook, self.kind, job, context)
