"""Operators that run one SageMaker job each, and the one that deletes their models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from histoflow.links import JobLink, TuningLink
from histoflow.operators.job import SageMakerJobOperator
from idc.jobs.spec import JobKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from histoflow.hooks.tuning import TuningHook
    from histoflow.joblog import JobLog
    from idc.jobs.state import JobState


class SageMakerTrainingOperator(SageMakerJobOperator):
    """Runs a training job."""

    kind = JobKind.TRAINING


class SageMakerProcessingOperator(SageMakerJobOperator):
    """Runs a processing job."""

    kind = JobKind.PROCESSING


class SageMakerTransformOperator(SageMakerJobOperator):
    """Runs a batch transform job, and first creates the model in its `spec` if it is missing."""

    kind = JobKind.TRANSFORM

    def _prepare(self, spec: Mapping[str, Any]) -> None:
        self.hook.ensure("model", "ModelName", dict(spec["model"]))


class SageMakerModelDeleteOperator(BaseOperator):
    """Deletes the models of transform jobs; `specs` are the jobs' specifications."""

    template_fields: Sequence[str] = ("specs",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"specs": "json"}

    def __init__(
        self,
        *,
        specs: Sequence[Mapping[str, Any]] | None,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Delete the models of `specs`."""
        super().__init__(**kwargs)
        self.specs = specs
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    def execute(self, context: Context) -> list[str]:  # noqa: ARG002
        """Delete the models that exist; return the names of all."""
        from histoflow.hooks.sagemaker import SageMakerHook

        hook = SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        names = [str(spec["model"]["ModelName"]) for spec in self.specs or ()]
        for name in names:
            hook.delete_model(name)
        return names


class SageMakerTuningOperator(SageMakerJobOperator):
    """Runs a hyperparameter tuning job, of one training job definition or several.

    It logs the progress. Returns a `TuningResult` as plain values. Writes a page with charts and the table of
    all training jobs to the bucket below `tuning/`.
    """

    kind = JobKind.TUNING
    operator_extra_links = (JobLink(), TuningLink())

    @cached_property
    def hook(self) -> TuningHook:
        """The hook, created at the first use in a task."""
        from histoflow.hooks.tuning import TuningHook

        return TuningHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    def _result(self, state: JobState) -> dict[str, Any]:
        from histoflow import runs
        from idc.tune import stage
        from idc.tune.trials import best_of, result_of

        trials = self.hook.trials(state.name)
        best = best_of(self.hook.description(self.kind, state.name))
        training = self.hook.description(JobKind.TRAINING, best.job)
        table = stage.report(runs.store(), state.name, trials, best=best, about=self.spec or {})
        return result_of(state, trials, best, training, table).to_dict()

    def _print_rest(self, state: JobState, log: JobLog) -> None:  # noqa: ARG002
        """Log how the training jobs ended; each has a log of its own."""
        self.log.info("%s %s, %s", state.kind, state.name, state.progress)
