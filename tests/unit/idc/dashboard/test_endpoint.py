"""An endpoint in the middle of a rollout, and model versions with and without metadata."""

from __future__ import annotations

from datetime import UTC, datetime

from idc.dashboard.endpoint import model_names, package_of, shown, version

NOW = datetime(2026, 11, 25, tzinfo=UTC)
CONFIG = {
    "ProductionVariants": [
        {"VariantName": "v2-mxnet", "ModelName": "old", "InstanceType": "ml.m5.large"},
        {"VariantName": "v3-tensorflow", "ModelName": "new", "InstanceType": "ml.m5.large"},
    ]
}
PACKAGE = {
    "ModelPackageVersion": 3,
    "ModelApprovalStatus": "Approved",
    "CreationTime": NOW,
    "CustomerMetadataProperties": {
        "variant": "tensorflow",
        "threshold": "0.31",
        "bias": "x",
        "synthetic": "true",
    },
}
ENDPOINT = {
    "EndpointName": "e",
    "EndpointStatus": "Updating",
    "EndpointConfigName": "before",
    "ProductionVariants": [
        {
            "VariantName": "v2-mxnet",
            "CurrentWeight": 1.0,
            "CurrentInstanceCount": 2,
            "DesiredInstanceCount": 2,
        }
    ],
    "PendingDeploymentSummary": {
        "EndpointConfigName": "after",
        "ProductionVariants": [{"VariantName": "v3-tensorflow", "VariantStatus": [{"Status": "Creating"}]}],
    },
}


def test_what_serves_and_what_is_coming_are_both_shown() -> None:
    found = shown(ENDPOINT, CONFIG, {"new": PACKAGE})
    serving, coming = found["variants"]
    assert (serving["role"], serving["weight"], serving["version"]) == ("serving", 1.0, None)
    assert (coming["role"], coming["status"], coming["version"]["version"]) == ("coming", "Creating", 3)
    assert found["pending_config"] == "after"


def test_a_version_says_what_its_metadata_say_and_no_more() -> None:
    found = version(PACKAGE)
    assert (found["variant"], found["threshold"], found["bias"], found["synthetic"]) == (
        "tensorflow",
        0.31,
        None,
        True,
    )
    assert version({"ModelPackageVersion": 1})["variant"] == ""


def test_where_a_model_comes_from() -> None:
    assert model_names(CONFIG) == ["old", "new"]
    assert package_of({"Containers": [{"ModelPackageName": "arn"}]}) == "arn"
    assert package_of({"PrimaryContainer": {"Image": "i"}}) == ""
