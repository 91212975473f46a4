"""Short ways to ask the embedded AWS for hyperparameter tuning jobs."""

from __future__ import annotations

import itertools
import time
from typing import Any

from local_aws import wait_until

_numbers = itertools.count(1)
SCORE = "score"
METRICS = [{"Name": SCORE, "Regex": r"score=([-0-9.eE+]+)"}]
# Its score is best at x = 0.3; with a pace it takes its time for every epoch.
PARABOLA = """
import sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
x = float(given["--point"])
if given.get("--broken") == "yes" and x > 0.5:
    raise SystemExit("x is too large")
for epoch in range(1, int(given.get("--epochs", 1)) + 1):
    time.sleep(float(given.get("--pace", 0)))
    print(f"epoch={epoch} score={-(x - 0.3) ** 2 + 0.001 * epoch}", flush=True)
"""
X = {"ContinuousParameterRanges": [{"Name": "point", "MinValue": "0", "MaxValue": "1"}]}
CHOICES = {"CategoricalParameterRanges": [{"Name": "point", "Values": ["0.1", "0.3", "0.9"]}]}


class Tuning:
    """Submits tuning jobs that run a short Python script."""

    def __init__(self, jobs: Any) -> None:
        self.jobs = jobs
        self.sagemaker = jobs.sagemaker

    def definition(self, script: str = PARABOLA, **changes: Any) -> dict[str, Any]:
        """A training job definition in script mode."""
        request = self.jobs.training_request(script, HyperParameters=changes.pop("static", {}))
        specification = {**request["AlgorithmSpecification"], "MetricDefinitions": METRICS}
        taken_over = ("RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
        return {
            "AlgorithmSpecification": specification,
            "StaticHyperParameters": request["HyperParameters"],
            **{name: request[name] for name in taken_over},
            **changes,
        }

    def request(
        self, *, jobs: int | None = 4, parallel: int = 2, strategy: str = "Random", **changes: Any
    ) -> dict[str, Any]:
        """A CreateHyperParameterTuningJob request; `config` has changes of its configuration."""
        limits = {"MaxParallelTrainingJobs": parallel}
        if jobs is not None:
            limits["MaxNumberOfTrainingJobs"] = jobs
        config = {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": SCORE},
            "ResourceLimits": limits,
            "ParameterRanges": X,
            "RandomSeed": 7,
            **changes.pop("config", {}),
        }
        request = {
            "HyperParameterTuningJobName": f"tune-{time.time_ns() // 1000 % 10**9}-{next(_numbers)}",
            "HyperParameterTuningJobConfig": config,
            **changes,
        }
        if "TrainingJobDefinitions" not in request:
            request.setdefault("TrainingJobDefinition", self.definition())
        return request

    def create(self, **changes: Any) -> str:
        """Submit a tuning job; its name."""
        request = self.request(**changes)
        self.sagemaker.create_hyper_parameter_tuning_job(**request)
        return str(request["HyperParameterTuningJobName"])

    def describe(self, name: str) -> dict[str, Any]:
        """The tuning job's description."""
        return dict(self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))

    def ended(self, name: str, timeout_s: float = 90) -> dict[str, Any]:
        """The tuning job's description once its status is final."""

        def look() -> dict[str, Any] | None:
            job = self.describe(name)
            return job if job["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_until(look, timeout_s)

    def children(self, name: str, **changes: Any) -> list[dict[str, Any]]:
        """The summaries of its training jobs, of all pages."""
        pages = self.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name, **changes
        )
        return [summary for page in pages for summary in page["TrainingJobSummaries"]]

    def values(self, name: str) -> list[dict[str, str]]:
        """The tuned hyperparameters of its training jobs, in the order of their numbers."""
        return [child["TunedHyperParameters"] for child in self.children(name)]
