"""Training job definitions become the requests of training jobs."""

from __future__ import annotations

from typing import Any

from embedded_aws.tuning.definitions import definitions

OBJECTIVE = {"Type": "Maximize", "MetricName": "score"}


def tuning_job(**changes: Any) -> dict[str, Any]:
    definition = {"StaticHyperParameters": {"epochs": "3"}, "RoleArn": "role", **changes}
    config = {"HyperParameterTuningJobObjective": OBJECTIVE, "ParameterRanges": {}}
    return {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition}


def test_a_request_has_static_and_tuned_hyperparameters() -> None:
    (own,) = definitions(tuning_job(ResourceConfig={"InstanceCount": 1}))
    request = own.request("job", {"rate": "0.1"})
    assert request["HyperParameters"] == {
        "epochs": "3",
        "rate": "0.1",
        "_tuning_objective_metric": "score",
    }
    assert (request["TrainingJobName"], request["RoleArn"]) == ("job", "role")


def test_the_first_instance_configuration_is_used() -> None:
    configs = [
        {"InstanceType": f"ml.m5.{size}", "InstanceCount": 1, "VolumeSizeInGB": 9}
        for size in ("large", "xlarge")
    ]
    (own,) = definitions(tuning_job(HyperParameterTuningResourceConfig={"InstanceConfigs": configs}))
    assert own.request("job", {})["ResourceConfig"] == configs[0]
