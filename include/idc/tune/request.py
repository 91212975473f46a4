"""A tuning job's request, made from the request of the training job that it varies.

A training request is complete before it gets here, whoever wrote it: this library or the SageMaker SDK 2, in
whose environment this module runs too. So it needs nothing that is not in the standard library.
Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idc.errors import ConfigurationError
from idc.tune import ranges
from idc.variants import sdk

if TYPE_CHECKING:
    from idc.variants.variant import Variant

STRATEGIES = BAYESIAN, RANDOM, HYPERBAND, GRID = "Bayesian", "Random", "Hyperband", "Grid"

# The members that a training job definition has in common with a training job; the rest is the tuning job's.
_SHARED = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)
_ALGORITHM = ("TrainingImage", "TrainingInputMode", "AlgorithmName", "MetricDefinitions")


@dataclass(frozen=True)
class TuningOptions:
    """What a person may choose about a search.

    `ranges` are by hyperparameter, empty for the default ones; `warm_start` names earlier tuning jobs;
    `epochs` is of every training job, None for as many as `idc_train` takes.
    """

    variants: tuple[str, ...]
    ranges: Mapping[str, Any]
    jobs: int
    parallel: int
    strategy: str
    early_stopping: bool
    warm_start: tuple[str, ...]
    epochs: int | None
    seed: int


def search(options: TuningOptions, variant: Variant) -> dict[str, Any]:
    """Return what makes a training request a tuning request, as plain values that travel between tasks.

    Raises:
        ConfigurationError: a range is none, a grid has more combinations than jobs were asked for, or a warm
            start is asked for more than one variant.
    """
    if options.warm_start and len(options.variants) > 1:
        action = "Choose the variant whose tuning jobs these are."
        observed = ", ".join(options.variants)
        raise ConfigurationError("warm start", ", ".join(options.warm_start), observed, "one variant", action)
    chosen = ranges.given_ranges(variant.ranges, options.ranges)
    limits = {"MaxNumberOfTrainingJobs": options.jobs, "MaxParallelTrainingJobs": options.parallel}
    if options.strategy == GRID:  # the service takes just the number of all combinations
        combinations = math.prod(len(one.values) for one in chosen)
        if combinations > options.jobs:
            action = "Ask for as many jobs, or give fewer choices."
            expected = f"the {combinations} combinations of the choices"
            raise ConfigurationError("jobs", "of the grid", str(options.jobs), expected, action)
        limits["MaxNumberOfTrainingJobs"] = combinations or options.jobs  # none: it says what a grid is of
    # Hyperband stops what is unpromising itself, and the service takes no other rule beside it.
    is_stopped_early = options.early_stopping and options.strategy != HYPERBAND
    config = {
        "Strategy": options.strategy,
        "HyperParameterTuningJobObjective": {
            "Type": "Maximize",
            "MetricName": variant.objective,
        },
        "ResourceLimits": limits,
        "ParameterRanges": ranges.parameter_ranges(chosen, is_json=variant.is_script),
        "TrainingJobEarlyStoppingType": "Auto" if is_stopped_early else "Off",
        "RandomSeed": options.seed,
    }
    return {"HyperParameterTuningJobConfig": config, **_warm_start(options.warm_start)}


def requested(planned: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the planned searches with a tuning request in place of plan and search."""
    return [
        {
            **{name: value for name, value in job.items() if name != "search"},
            "request": tuning_request(job["request"], job["search"]),
        }
        for job in sdk.requested(planned)
    ]


def tuning_request(training: Mapping[str, Any], search: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `CreateHyperParameterTuningJob` request without a name, of jobs like `training`."""
    tuned = set(range_names(search["HyperParameterTuningJobConfig"]["ParameterRanges"]))
    static = {name: value for name, value in training["HyperParameters"].items() if name not in tuned}
    algorithm = training["AlgorithmSpecification"]
    definition = {
        "AlgorithmSpecification": {name: algorithm[name] for name in _ALGORITHM if name in algorithm},
        "StaticHyperParameters": static,
        **{name: training[name] for name in _SHARED if name in training},
    }
    return {**search, "TrainingJobDefinition": definition}


def range_names(parameter_ranges: Mapping[str, Any]) -> list[str]:
    """Return the names of the hyperparameters that a `ParameterRanges` searches."""
    return [one["Name"] for members in parameter_ranges.values() for one in members]


def plain_values(values: Mapping[str, str], *, is_script: bool) -> dict[str, Any]:
    """Return tuned values as a training plan has them: numbers as numbers, choices as plain text."""
    return {name: _plain(value, is_script=is_script) for name, value in values.items()}


def _plain(value: str, *, is_script: bool) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        if is_script:
            raise
        return value


def _warm_start(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the member for a warm start; its type allows for another dataset and other ranges."""
    if not names:
        return {}
    parents = [{"HyperParameterTuningJobName": name} for name in names]
    return {
        "WarmStartConfig": {
            "ParentHyperParameterTuningJobs": parents,
            "WarmStartType": "TransferLearning",
        }
    }
