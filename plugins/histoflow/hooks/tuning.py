"""Read a tuning job's training jobs from SageMaker."""

from __future__ import annotations

from typing import Any

from histoflow.hooks.aws import aws_errors
from histoflow.hooks.sagemaker import SageMakerHook
from idc.jobs.spec import JobKind
from idc.tune.trials import Trial


class TuningHook(SageMakerHook):
    """Runs tuning jobs, and reads their training jobs."""

    def description(self, kind: JobKind, name: str) -> dict[str, Any]:
        """Return what SageMaker says of a job.

        Raises:
            RequestRejected: there is no such job.
        """
        return self._describe(kind, name)

    def trials(self, name: str) -> list[Trial]:
        """Return the training jobs of the tuning job `name`, in the order in which they began."""
        with aws_errors(JobKind.TUNING, name):
            pages = self.api.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
                HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
            )
            found = [summary for page in pages for summary in page["TrainingJobSummaries"]]
        return [Trial.from_summary(summary) for summary in found]
