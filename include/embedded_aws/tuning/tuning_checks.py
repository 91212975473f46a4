"""Checks of a tuning job's request that the service model does not contain."""

from __future__ import annotations

from embedded_aws.api.context import Context
from embedded_aws.store.kinds import TUNING_JOB
from embedded_aws.store.resources import Document
from embedded_aws.training import training_operations
from embedded_aws.tuning import parents, trials
from embedded_aws.tuning.definitions import Definition, definitions
from embedded_aws.tuning.progress import IDENTICAL
from embedded_aws.tuning.ranges import Categorical, grid_size
from embedded_aws.tuning.tuner import hyperband_resources
from embedded_aws.tuning.tuning_states import STATES
from embedded_aws.wire.faults import ValidationException

MOST_JOBS = 750
MOST_METRICS = 20


def check(context: Context, request: Document) -> None:
    """Rules between members.

    Raises:
        ValidationException: one is broken.
    """
    if "Autotune" in request:
        raise ValidationException("Autotune is not served by the embedded AWS: give ranges instead.")
    if ("TrainingJobDefinition" in request) == ("TrainingJobDefinitions" in request):
        raise ValidationException(
            "You must specify either TrainingJobDefinition or TrainingJobDefinitions, and not both."
        )
    own = definitions(request)
    if "TrainingJobDefinitions" in request:
        _check_several(request, own)
    for definition in own:
        _check_objective(context, definition)
        _check_definition(context, request, definition)
    if len({definition.is_maximized for definition in own}) > 1:
        raise ValidationException("All training job definitions must have the same objective type.")
    _check_limits(request, own)
    _check_strategy(request, own)
    _check_parents(context, request, own)


def complete(context: Context, request: Document) -> Document:
    """The request with the metrics of the service's own algorithms in its definitions."""
    if "TrainingJobDefinition" in request:
        own = training_operations.complete(context, request["TrainingJobDefinition"])
        return {**request, "TrainingJobDefinition": own}
    several = [training_operations.complete(context, own) for own in request["TrainingJobDefinitions"]]
    return {**request, "TrainingJobDefinitions": several}


def _check_several(request: Document, own: list[Definition]) -> None:
    names = [definition.name for definition in own]
    if "" in names or len(set(names)) != len(names):
        raise ValidationException(
            "Every one of several training job definitions must have a DefinitionName of its own."
        )
    config = request["HyperParameterTuningJobConfig"]
    for member in ("ParameterRanges", "HyperParameterTuningJobObjective"):
        if config.get(member):
            raise ValidationException(
                f"{member} of HyperParameterTuningJobConfig can't be used with TrainingJobDefinitions: "
                "every definition has its own HyperParameterRanges and TuningObjective."
            )


def _check_objective(context: Context, definition: Definition) -> None:
    if not definition.objective:
        raise ValidationException("An objective metric is required for this hyperparameter tuning job.")
    specification = definition.document["AlgorithmSpecification"]
    metrics = specification.get("MetricDefinitions", [])
    if len(metrics) > MOST_METRICS:
        raise ValidationException(
            f"The number of metric definitions, {len(metrics)}, is greater than {MOST_METRICS}."
        )
    known = [item["Name"] for item in [*metrics, *training_operations.own_metrics(context, specification)]]
    if not known:
        raise ValidationException(
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the "
            "metric definitions."
        )
    if definition.metric not in known:
        raise ValidationException(
            f"The objective metric for the hyperparameter tuning job, [{definition.metric}], isn't valid for "
            f"the {specification.get('TrainingImage', '')} algorithm. Choose a valid objective metric: "
            f"[{', '.join(known)}]."
        )


def _check_definition(context: Context, request: Document, definition: Definition) -> None:
    ranges = definition.ranges
    if not ranges:
        raise ValidationException("At least one hyperparameter range is required for a tuning job.")
    if both := sorted({item.name for item in ranges} & set(definition.static)):
        raise ValidationException(
            f"Hyperparameters can't be both static and tunable: {', '.join(both)}. Remove them from one."
        )
    if ("ResourceConfig" in definition.document) == (
        "HyperParameterTuningResourceConfig" in definition.document
    ):
        raise ValidationException(
            "You must specify either ResourceConfig or HyperParameterTuningResourceConfig in a training job "
            "definition, and not both."
        )
    name = trials.job_name(request["HyperParameterTuningJobName"], 1)
    training_operations.check(context, definition.request(name, {}))


def _check_limits(request: Document, own: list[Definition]) -> None:
    config = request["HyperParameterTuningJobConfig"]
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if most is None and config["Strategy"] != "Grid":
        raise ValidationException(
            f"MaxNumberOfTrainingJobs is required for the strategy {config['Strategy']}."
        )
    if most is not None and most > MOST_JOBS:
        raise ValidationException(f"MaxNumberOfTrainingJobs {most} is greater than {MOST_JOBS}.")
    combinations = sum(grid_size(definition.ranges) for definition in own)
    if config["Strategy"] == "Grid" and combinations > MOST_JOBS:
        raise ValidationException(
            f"The grid has {combinations} combinations, which is greater than {MOST_JOBS}."
        )


def _check_strategy(request: Document, own: list[Definition]) -> None:
    config = request["HyperParameterTuningJobConfig"]
    strategy = config["Strategy"]
    if strategy == "Grid" and not all(
        isinstance(item, Categorical) for definition in own for item in definition.ranges
    ):
        raise ValidationException("The Grid strategy supports only categorical hyperparameter ranges.")
    if "StrategyConfig" in config and strategy != "Hyperband":
        raise ValidationException("StrategyConfig can be used only with the Hyperband strategy.")
    if strategy != "Hyperband":
        return
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise ValidationException(
            "TrainingJobEarlyStoppingType must be Off for the Hyperband strategy, which stops jobs by itself."
        )
    for definition in own:
        least, most = hyperband_resources(request, definition) or (0, 0)
        if least >= most:
            raise ValidationException(
                f"MinResource {least} must be less than MaxResource {most} for the Hyperband strategy."
            )


def _check_parents(context: Context, request: Document, own: list[Definition]) -> None:
    for name in parents.names(request):
        parent = context.store.get(TUNING_JOB, name)
        if parent is None:
            raise ValidationException(f"The parent hyperparameter tuning job {name} doesn't exist.")
        if not STATES.is_final(parent):
            status = parent["HyperParameterTuningJobStatus"]
            raise ValidationException(
                f"The parent hyperparameter tuning job {name} is in status {status}, "
                "expected it to have ended."
            )
        known = {definition.metric for definition in definitions(parent)}
        if missing := {definition.metric for definition in own} - known:
            raise ValidationException(
                f"The objective metric of the parent hyperparameter tuning job {name} is "
                f"{', '.join(sorted(known))}, expected {', '.join(sorted(missing))}."
            )
        if request["WarmStartConfig"]["WarmStartType"] == IDENTICAL:
            _check_identical(name, own, definitions(parent))


def _check_identical(name: str, own: list[Definition], parent: list[Definition]) -> None:
    """The same data and algorithm, and the same hyperparameters, static or searched."""

    def described(items: list[Definition]) -> list[tuple[object, ...]]:
        return [
            (
                item.document["AlgorithmSpecification"].get("TrainingImage"),
                item.document.get("InputDataConfig", []),
                sorted({own_range.name for own_range in item.ranges} | set(item.static)),
            )
            for item in items
        ]

    if described(own) != described(parent):
        raise ValidationException(
            "The training image, the input data or the hyperparameters of the tuning job differ from those "
            f"of its parent {name}: IdenticalDataAndAlgorithm needs the same. Use TransferLearning instead."
        )
