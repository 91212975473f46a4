"""Hyperparameter tuning jobs really search, with training jobs that really run."""

from __future__ import annotations

from typing import Any

import pytest
from aws_tuning import CHOICES, METRICS, SCORE, Tuning, X
from botocore.exceptions import ClientError
from local_aws import wait_until


@pytest.fixture(scope="session")
def tuning(jobs: Any) -> Tuning:
    """Tuning jobs on the embedded AWS of the session."""
    return Tuning(jobs)


def test_completes_and_names_the_best(tuning: Tuning) -> None:
    name = tuning.create(jobs=5, parallel=2, Tags=[{"Key": "owner", "Value": "tests"}])
    job = tuning.ended(name)
    children = tuning.children(name, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    objectives = [child["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for child in children]

    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 5,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 5, "Pending": 0, "Failed": 0}
    assert objectives == sorted(objectives, reverse=True)
    assert job["BestTrainingJob"] == children[0]
    expected = max(-((float(values["point"]) - 0.3) ** 2) + 0.001 for values in tuning.values(name))
    assert objectives[0] == pytest.approx(expected)


def test_children_are_training_jobs_of_their_own(tuning: Tuning) -> None:
    name = tuning.create(jobs=1, parallel=1, Tags=[{"Key": "owner", "Value": "tests"}])
    tuning.ended(name)
    (child,) = tuning.children(name)
    training = tuning.sagemaker.describe_training_job(TrainingJobName=child["TrainingJobName"])

    assert child["TrainingJobName"].startswith(f"{name}-001-")
    assert training["TuningJobArn"] == tuning.describe(name)["HyperParameterTuningJobArn"]
    assert training["HyperParameters"]["point"] == child["TunedHyperParameters"]["point"]
    assert training["HyperParameters"]["_tuning_objective_metric"] == SCORE
    assert [metric["MetricName"] for metric in training["FinalMetricDataList"]] == [SCORE]
    tags = tuning.sagemaker.list_tags(ResourceArn=training["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "owner", "Value": "tests"}]


def test_runs_no_more_at_once_than_asked(tuning: Tuning) -> None:
    definition = tuning.definition(static={"epochs": "2", "pace": "1"})
    name = tuning.create(jobs=5, parallel=2, TrainingJobDefinition=definition)
    most = 0

    def look() -> bool:
        nonlocal most
        job = tuning.describe(name)
        most = max(most, job["TrainingJobStatusCounters"]["InProgress"])
        return bool(job["HyperParameterTuningJobStatus"] == "Completed")

    wait_until(look, 90)
    assert most == 2


def test_same_seed_same_values(tuning: Tuning) -> None:
    first, second = (tuning.create(jobs=3, parallel=1) for _ in range(2))
    other = tuning.create(jobs=3, parallel=1, config={"RandomSeed": 8})
    for name in (first, second, other):
        tuning.ended(name)

    assert tuning.values(first) == tuning.values(second) != tuning.values(other)


def test_grid_tries_every_combination_once(tuning: Tuning) -> None:
    ranges = {
        "CategoricalParameterRanges": [
            *CHOICES["CategoricalParameterRanges"],
            {"Name": "epochs", "Values": ["1", "2"]},
        ]
    }
    name = tuning.create(jobs=None, parallel=3, strategy="Grid", config={"ParameterRanges": ranges})
    job = tuning.ended(name)
    values = [(own["point"], own["epochs"]) for own in tuning.values(name)]

    assert sorted(values) == sorted((x, epochs) for x in ("0.1", "0.3", "0.9") for epochs in ("1", "2"))
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"point": "0.3", "epochs": "2"}


def test_bayesian_mixes_all_sorts_of_ranges(tuning: Tuning) -> None:
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "point", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"},
            {"Name": "rate", "MinValue": "0.0001", "MaxValue": "1", "ScalingType": "Logarithmic"},
            {"Name": "momentum", "MinValue": "0.5", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
        ],
        "IntegerParameterRanges": [{"Name": "epochs", "MinValue": "1", "MaxValue": "3"}],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adam"]}],
    }
    name = tuning.create(jobs=7, parallel=3, strategy="Bayesian", config={"ParameterRanges": ranges})
    assert tuning.ended(name)["HyperParameterTuningJobStatus"] == "Completed"

    for values in tuning.values(name):
        assert set(values) == {"point", "rate", "momentum", "epochs", "optimizer"}
        assert 0.5 <= float(values["momentum"]) <= 0.999
        assert 0.0001 <= float(values["rate"]) <= 1
        assert values["epochs"] in ("1", "2", "3")
        assert values["optimizer"] in ("sgd", "adam")


@pytest.mark.slow
def test_hyperband_stops_unpromising_jobs(tuning: Tuning) -> None:
    definition = tuning.definition(static={"epochs": "9", "pace": "1"})
    name = tuning.create(
        jobs=8,
        parallel=4,
        strategy="Hyperband",
        TrainingJobDefinition=definition,
        config={"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}},
    )
    job = tuning.ended(name, 180)

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    counters = job["TrainingJobStatusCounters"]
    assert counters["Stopped"] > 0
    assert counters["Completed"] > 0
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 8


@pytest.mark.slow
def test_early_stopping_stops_a_job_below_the_median(tuning: Tuning) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "point", "Values": ["0.3", "0.31", "0.32", "0.9"]}]}
    definition = tuning.definition(static={"epochs": "6", "pace": "1"})
    name = tuning.create(
        jobs=None,
        parallel=1,
        strategy="Grid",
        TrainingJobDefinition=definition,
        config={"ParameterRanges": ranges, "TrainingJobEarlyStoppingType": "Auto"},
    )
    job = tuning.ended(name, 120)
    last = tuning.children(name)[-1]

    assert job["TrainingJobStatusCounters"]["Stopped"] == 1
    assert (last["TunedHyperParameters"]["point"], last["TrainingJobStatus"]) == ("0.9", "Stopped")
    assert last["ObjectiveStatus"] == "Succeeded"


def test_failed_children_are_counted_and_survived(tuning: Tuning) -> None:
    definition = tuning.definition(static={"broken": "yes"})
    name = tuning.create(
        jobs=None,
        parallel=3,
        strategy="Grid",
        TrainingJobDefinition=definition,
        config={"ParameterRanges": CHOICES},
    )
    job = tuning.ended(name)

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 1}
    failed = [child for child in tuning.children(name) if child["TrainingJobStatus"] == "Failed"]
    assert "exit code" in failed[0]["FailureReason"]


def test_fails_when_no_job_succeeds(tuning: Tuning) -> None:
    definition = tuning.definition("raise SystemExit('nothing works')")
    name = tuning.create(jobs=2, parallel=2, TrainingJobDefinition=definition)
    job = tuning.ended(name)

    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "No training job succeeded" in job["FailureReason"]
    assert "AlgorithmError" in job["FailureReason"]


def test_a_regex_that_never_matches_ends_the_search(tuning: Tuning) -> None:
    definition = tuning.definition("print('nothing to see')")
    name = tuning.create(jobs=20, parallel=2, TrainingJobDefinition=definition)
    job = tuning.ended(name)

    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "No objective metrics found after running 5 training jobs" in job["FailureReason"]
    assert len(tuning.children(name)) < 20


def test_stop_stops_the_children(tuning: Tuning) -> None:
    definition = tuning.definition(static={"epochs": "200", "pace": "0.5"})
    name = tuning.create(jobs=6, parallel=2, TrainingJobDefinition=definition)
    wait_until(lambda: len(tuning.children(name)) == 2)
    tuning.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = tuning.ended(name)

    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert [child["TrainingJobStatus"] for child in tuning.children(name)] == ["Stopped"] * 2
    with pytest.raises(ClientError, match="is in status Stopped"):
        tuning.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_ends_when_the_target_is_reached(tuning: Tuning) -> None:
    name = tuning.create(
        jobs=50, parallel=2, config={"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": -10.0}}
    )
    job = tuning.ended(name)

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(tuning.children(name)) <= 4


def test_ends_when_the_best_does_not_improve(tuning: Tuning) -> None:
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    name = tuning.create(
        jobs=None,
        parallel=1,
        strategy="Grid",
        config={
            "ParameterRanges": {
                "CategoricalParameterRanges": [
                    {"Name": "point", "Values": ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8"]}
                ]
            },
            "TuningJobCompletionCriteria": criteria,
        },
    )
    job = tuning.ended(name)

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 3
    assert [values["point"] for values in tuning.values(name)] == ["0.3", "0.4", "0.5", "0.6"]


def test_several_definitions_take_turns(tuning: Tuning) -> None:
    objective = {"Type": "Maximize", "MetricName": SCORE}
    definitions = [
        tuning.definition(
            DefinitionName=label, TuningObjective=objective, HyperParameterRanges=ranges, static=static
        )
        for label, ranges, static in (("near", CHOICES, {}), ("wide", X, {"epochs": "2"}))
    ]
    request = tuning.request(jobs=4, parallel=2, TrainingJobDefinitions=definitions)
    for member in ("ParameterRanges", "HyperParameterTuningJobObjective"):
        del request["HyperParameterTuningJobConfig"][member]
    tuning.sagemaker.create_hyper_parameter_tuning_job(**request)
    name = request["HyperParameterTuningJobName"]
    job = tuning.ended(name)

    labels = [child["TrainingJobDefinitionName"] for child in tuning.children(name)]
    assert labels == ["near", "wide", "near", "wide"]
    assert job["BestTrainingJob"]["TrainingJobDefinitionName"] in labels


def test_warm_start_from_the_same_data_knows_the_overall_best(tuning: Tuning) -> None:
    definition = tuning.definition()
    parent = tuning.create(
        jobs=None,
        parallel=3,
        strategy="Grid",
        config={"ParameterRanges": CHOICES},
        TrainingJobDefinition=definition,
    )
    tuning.ended(parent)
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    name = tuning.create(
        jobs=1,
        parallel=1,
        strategy="Grid",
        config={
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "point", "Values": ["0.8"]}]},
        },
        TrainingJobDefinition=definition,
        WarmStartConfig=warm,
    )
    job = tuning.ended(name)

    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"point": "0.8"}
    assert job["OverallBestTrainingJob"]["TunedHyperParameters"] == {"point": "0.3"}
    assert job["OverallBestTrainingJob"]["TuningJobName"] == parent
    other = tuning.request(
        WarmStartConfig=warm, TrainingJobDefinition=tuning.definition(static={"more": "1"})
    )
    with pytest.raises(ClientError, match="IdenticalDataAndAlgorithm needs the same"):
        tuning.sagemaker.create_hyper_parameter_tuning_job(**other)


def test_listings(tuning: Tuning) -> None:
    name = tuning.create(jobs=3, parallel=3)
    tuning.ended(name)
    page = tuning.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)
    (summary,) = page["HyperParameterTuningJobSummaries"]
    assert (summary["Strategy"], summary["TrainingJobStatusCounters"]["Completed"]) == ("Random", 3)

    listed = [
        tuning.children(name, SortBy=by, SortOrder=order, PaginationConfig={"PageSize": 2})
        for by, order in (("Name", "Ascending"), ("Name", "Descending"))
    ]
    assert listed[0] == listed[1][::-1]
    assert len(listed[0]) == 3
    assert tuning.children(name, StatusEquals="Failed") == []

    tuning.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        tuning.describe(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"config": {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "other"}}},
            "other",
        ),
        ({"config": {"ParameterRanges": {}}}, "At least one hyperparameter range"),
        ({"strategy": "Grid"}, "supports only categorical"),
        ({"jobs": None}, "MaxNumberOfTrainingJobs is required"),
        (
            {"strategy": "Hyperband", "config": {"TrainingJobEarlyStoppingType": "Auto"}},
            "TrainingJobEarlyStoppingType must be Off",
        ),
        ({"config": {"StrategyConfig": {"HyperbandStrategyConfig": {}}}}, "only with the Hyperband"),
        ({"Autotune": {"Mode": "Enabled"}}, "Autotune is not served"),
        (
            {"config": {"ParameterRanges": {"AutoParameters": [{"Name": "a", "ValueHint": "1"}]}}},
            "AutoParameters are not served",
        ),
    ],
)
def test_refused_requests(tuning: Tuning, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        tuning.create(**changes)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_refused_without_metrics(tuning: Tuning) -> None:
    definition = tuning.definition()
    del definition["AlgorithmSpecification"]["MetricDefinitions"]
    with pytest.raises(ClientError, match="Provide a metric in the metric definitions"):
        tuning.create(TrainingJobDefinition=definition)
    definition["AlgorithmSpecification"]["MetricDefinitions"] = [
        {**METRICS[0], "Name": f"{SCORE}{number or ''}"} for number in range(21)
    ]
    with pytest.raises(ClientError, match="greater than 20"):
        tuning.create(TrainingJobDefinition=definition)


@pytest.mark.parametrize(
    ("low", "high", "scale", "message"),
    [
        ("2", "1", "Linear", "greater than MaxValue"),
        ("a", "1", "Linear", "expected a number"),
        ("0", "1", "Logarithmic", "greater than 0"),
        ("0.5", "1", "ReverseLogarithmic", "0 <= x < 1.0"),
    ],
)
def test_refused_ranges(tuning: Tuning, low: str, high: str, scale: str, message: str) -> None:
    item = {"Name": "point", "MinValue": low, "MaxValue": high, "ScalingType": scale}
    with pytest.raises(ClientError, match=message):
        tuning.create(config={"ParameterRanges": {"ContinuousParameterRanges": [item]}})


def test_refused_when_static_and_tuned(tuning: Tuning) -> None:
    with pytest.raises(ClientError, match="both static and tunable: point"):
        tuning.create(TrainingJobDefinition=tuning.definition(static={"point": "1"}))
