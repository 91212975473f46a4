"""Operators that run one SageMaker job each, once, whatever happens to the task meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from histoflow.links import TuningLink
from idc.errors import JobFailed, RequestRejected
from idc.jobs.spec import JobKind, JobSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from histoflow.hooks.sagemaker import SageMakerHook
    from histoflow.hooks.tuning import TuningHook
    from idc.jobs.state import JobState


class SageMakerJobOperator(BaseOperator):
    """Submits the job of a specification, or adopts it, and waits for it without a worker.

    `spec` is a `JobSpec` as plain values, usually from the task before; without one there is nothing to do
    and the task is skipped. Returns the job's name, ARN, seconds of work and its model's address, if any.
    """

    template_fields: Sequence[str] = ("spec",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"spec": "json"}
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
        """Run the job of `spec`; `deferrable=False` keeps the worker waiting."""
        super().__init__(**kwargs)
        self.spec = spec
        self.deferrable = deferrable
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self._job: str | None = None
        self._is_killed = False

    @cached_property
    def hook(self) -> SageMakerHook:
        """The hook, made when the task runs and not when the DAG is read."""
        from histoflow.hooks.sagemaker import SageMakerHook

        return SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Submit or adopt the job, and wait for it."""
        if self.spec is None:
            raise AirflowSkipException("There is no job to run: the task before says why.")
        self._prepare(self.spec)
        submission = self.hook.submit_or_adopt(JobSpec.from_dict(self.kind, self.spec))
        state, self._job = submission.state, submission.state.name
        if self._is_killed:
            self.on_kill()
        elif self.deferrable and not state.is_over:
            self._defer(state, is_adopted=submission.is_adopted)
        return self._finish(self.hook.wait(state), is_adopted=submission.is_adopted)

    def resume(
        self,
        context: Context,  # noqa: ARG002
        event: dict[str, Any],
        is_adopted: bool,
    ) -> dict[str, Any]:
        """Return the job's result after the trigger has waited for its end."""
        self._job = event["name"]
        if event["message"]:
            self.on_kill()
            action = "It was asked to stop. Run the task again."
            raise RequestRejected(self.kind, self._job, event["message"], "to be described", action)
        return self._finish(self.hook.job(self.kind, self._job), is_adopted=is_adopted)

    def on_kill(self) -> None:
        """Stop the job: a killed or failed task leaves nothing running and billed."""
        self._is_killed = True  # a job that is being submitted at this moment is stopped by `execute`
        if self._job is not None:
            self.log.info("Stopping %s %s.", self.kind, self._job)
            self.hook.stop_job(self.kind, self._job)

    def _prepare(self, spec: Mapping[str, Any]) -> None:
        """Make what the job needs to be there before it is submitted; most need nothing."""

    def _defer(self, state: JobState, *, is_adopted: bool) -> None:
        from histoflow.triggers.sagemaker import SageMakerJobTrigger

        trigger = SageMakerJobTrigger(
            kind=str(state.kind), name=state.name, aws_conn_id=self.aws_conn_id, region_name=self.region_name
        )
        self.defer(trigger=trigger, method_name="resume", kwargs={"is_adopted": is_adopted})

    def _finish(self, state: JobState, *, is_adopted: bool) -> dict[str, Any]:
        """Print the end of the job's log; return its result, or raise what its end means."""
        if not state.is_over:
            self.on_kill()
            action = f"Its time limit was {state.limit}; it was asked to stop. Look at it in SageMaker."
            expected = f"an end by {state.deadline:%F %T} UTC"
            raise JobFailed(state.kind, state.name, state.status, expected, action)
        self._print_log(state)
        if not state.has_completed:
            raise state.failure(is_adopted=is_adopted)
        self.log.info("%s %s has completed in %s s.", state.kind, state.name, state.run_s)
        return self._result(state)

    def _result(self, state: JobState) -> dict[str, Any]:
        """Return what the task hands on of a completed job."""
        return state.summary()

    def _print_log(self, state: JobState) -> None:
        from histoflow.hooks.logs import LogsHook

        logs = LogsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        logs.print_tail(state.kind.log_group, f"{state.name}/")


class SageMakerTrainingOperator(SageMakerJobOperator):
    """Runs a training job."""

    kind = JobKind.TRAINING


class SageMakerProcessingOperator(SageMakerJobOperator):
    """Runs a processing job."""

    kind = JobKind.PROCESSING


class SageMakerTransformOperator(SageMakerJobOperator):
    """Runs a batch transform job; the model that its `spec` describes is made first, unless it is there."""

    kind = JobKind.TRANSFORM

    def _prepare(self, spec: Mapping[str, Any]) -> None:
        self.hook.ensure("model", "ModelName", dict(spec["model"]))


class SageMakerTuningOperator(SageMakerJobOperator):
    """Runs a hyperparameter tuning job, of one training job definition or several.

    Its progress is in the log while it is waited for. Returns a `TuningResult`, and leaves a page with charts
    and the table of all training jobs in the bucket, below `tuning/`.
    """

    kind = JobKind.TUNING
    operator_extra_links = (TuningLink(),)

    @cached_property
    def hook(self) -> TuningHook:
        """The hook, made when the task runs and not when the DAG is read."""
        from histoflow.hooks.tuning import TuningHook

        return TuningHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    @property
    def tuning_job(self) -> str | None:
        """The tuning job's name, once there is one."""
        return self._job

    def _result(self, state: JobState) -> dict[str, Any]:
        from histoflow import runs
        from idc.jobs.trials import best_of, result_of
        from idc.stages import tune

        trials = self.hook.trials(state.name)
        best = best_of(self.hook.description(self.kind, state.name))
        training = self.hook.description(JobKind.TRAINING, best.job)
        table = tune.report(runs.store(), state.name, trials, best=best, about=self.spec or {})
        return result_of(state, trials, best, training, table).to_dict()

    def _print_log(self, state: JobState) -> None:
        """Print how the training jobs ended; each has a log of its own."""
        self.log.info("%s %s, %s", state.kind, state.name, state.progress)
