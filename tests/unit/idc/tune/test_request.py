"""What a search asks for, in both ways of writing hyperparameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from idc.errors import ConfigurationError
from idc.jobs.spec import JobKind, JobSpec
from idc.jobs.training import Channel, Machine, TrainingPlan, training_request
from idc.tune import ranges, request as tuning
from idc.tune.request import TuningOptions
from idc.variants.all import VARIANTS
from idc.variants.hyperparameters import Range
from idc.variants.variant import Variant

OPTIONS = TuningOptions(("mxnet",), {}, 12, 2, "Bayesian", True, (), None, 7)
PLAN = TrainingPlan(
    image="image",
    role_arn="arn:aws:iam::123456789012:role/histoflow",
    region="us-east-1",
    channels=(Channel("train", "s3://a-bucket/train.manifest", "Pipe", "ManifestFile"),),
    hyperparameters={"num_classes": 2, "epochs": 3, "learning_rate": 0.05, "momentum": 0.9},
    output="s3://a-bucket/jobs",
    machine=Machine("ml.c5.2xlarge", 1, 30, 600),
)


BUILTIN, SCRIPT = VARIANTS["builtin-lowlevel"], VARIANTS["mxnet"]


def config(options: TuningOptions, variant: Variant) -> dict[str, Any]:
    found: dict[str, Any] = tuning.search(options, variant)["HyperParameterTuningJobConfig"]
    return found


@pytest.mark.parametrize("variant", [BUILTIN, SCRIPT])
def test_the_request_is_one_that_botocore_takes(variant: Variant) -> None:
    search = tuning.search(replace(OPTIONS, warm_start=("earlier",)), variant)
    spec = JobSpec(JobKind.TUNING, "2026-11-mxnet", tuning.tuning_request(training_request(PLAN), search))
    shape = get_session().get_service_model("sagemaker").operation_model("CreateHyperParameterTuningJob")

    report = ParamValidator().validate(spec.create_request(), shape.input_shape)

    assert not report.has_errors(), report.generate_report()


def test_what_is_searched_is_not_static() -> None:
    chosen = replace(OPTIONS, ranges={"learning_rate": {"min": 0.01, "max": 0.1}, "momentum": [0.8, 0.9]})
    request = tuning.tuning_request(training_request(PLAN), tuning.search(chosen, BUILTIN))

    assert request["TrainingJobDefinition"]["StaticHyperParameters"] == {"num_classes": "2", "epochs": "3"}
    assert request["TrainingJobDefinition"]["RoleArn"] == PLAN.role_arn
    assert request["HyperParameterTuningJobConfig"]["ParameterRanges"] == {
        "ContinuousParameterRanges": [
            {"Name": "learning_rate", "MinValue": "0.01", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "momentum", "Values": ["0.8", "0.9"]}],
    }


def test_a_grid_is_of_all_its_combinations() -> None:
    grid = replace(OPTIONS, strategy="Grid", ranges={"momentum": [0.8, 0.9], "optimizer": ["sgd", "nag"]})

    for jobs in (4, 12):
        limits = config(replace(grid, jobs=jobs), BUILTIN)["ResourceLimits"]
        assert limits["MaxNumberOfTrainingJobs"] == 4
    with pytest.raises(ConfigurationError, match="3, expected the 4 combinations"):
        config(replace(grid, jobs=3), BUILTIN)


def test_the_objective_is_on_validation_and_early_stopping_is_what_the_strategy_allows() -> None:
    builtin, script = (config(OPTIONS, variant) for variant in (BUILTIN, SCRIPT))

    assert builtin["HyperParameterTuningJobObjective"]["MetricName"] == "validation:accuracy"
    assert script["HyperParameterTuningJobObjective"]["MetricName"] == "validation:roc_auc"
    assert builtin["TrainingJobEarlyStoppingType"] == "Auto"
    hyperband = replace(OPTIONS, strategy="Hyperband")
    assert config(hyperband, SCRIPT)["TrainingJobEarlyStoppingType"] == "Off"


def test_the_built_in_algorithm_is_searched_with_its_optimizers_own_hyperparameters() -> None:
    names = tuning.range_names(config(OPTIONS, BUILTIN)["ParameterRanges"])

    assert set(names) == {
        *("mini_batch_size", "learning_rate", "optimizer", "beta_1", "beta_2", "eps", "gamma", "momentum"),
        "weight_decay",
    }


def test_script_mode_reads_values_as_json_and_they_come_back_plain() -> None:
    chosen = replace(OPTIONS, ranges={"batch-size": [32, 64], "dropout": {"min": 0, "max": 0.5}})
    found = config(chosen, SCRIPT)["ParameterRanges"]

    assert found["CategoricalParameterRanges"] == [{"Name": "batch-size", "Values": ['"32"', '"64"']}]
    values = {"batch-size": '"64"', "dropout": "0.25"}
    assert tuning.plain_values(values, is_script=True) == {"batch-size": "64", "dropout": 0.25}
    values = {"optimizer": "sgd", "mini_batch_size": "64", "eps": "1e-08"}
    plain = tuning.plain_values(values, is_script=False)
    assert plain == {"optimizer": "sgd", "mini_batch_size": 64, "eps": 1e-08}


def test_a_search_travels_through_the_task_that_makes_requests() -> None:
    planned = {"variant": "v", "plan": PLAN.to_dict(), "search": tuning.search(OPTIONS, BUILTIN)}

    [made] = tuning.requested([planned])

    assert set(made) == {"variant", "request"}
    assert made["request"] == tuning.tuning_request(training_request(PLAN), planned["search"])


@pytest.mark.parametrize(
    "given",
    [
        {"learning_rate": {"min": 0.1, "max": 0.01}},
        {"learning_rate": {"min": 0.1}},
        {"learning_rate": {"min": 0.01, "max": 0.1, "scale": "log"}},
        {"learning_rate": {"min": 0.01, "max": 0.1, "step": 0.01}},
        {"learning_rate": {"min": "0.01", "max": "0.1"}},
        {"mini_batch_size": {"min": 1.5, "max": 4}},
        {"optimizer": {"min": 1, "max": 2}},
        {"optimizer": ["sgd", "sgd"]},
        {"optimizer": []},
        {"learning_rate": [0.1], "momentun": [0.9]},
        {"learning-rate": [0.1]},
    ],
)
def test_a_range_that_is_none_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="range"):
        searched(given)


def searched(given: dict[str, Any]) -> tuple[Range, ...]:
    ranges.check_names(given, (*BUILTIN.ranges, *SCRIPT.ranges))
    return ranges.given_ranges(BUILTIN.ranges, given)


def test_a_warm_start_is_of_one_variant() -> None:
    with pytest.raises(ConfigurationError, match="one variant"):
        tuning.search(replace(OPTIONS, variants=("mxnet", "tensorflow"), warm_start=("t",)), SCRIPT)
