"""idc_monitor on a real Airflow: without a model, and with a drift that has a partition trained again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from local_aws import archive, wait_until
from unit.idc.monitor.records import patch
from workshop import Workshop

from idc import layout
from idc.deploy import rollout
from idc.evaluate.served_model import ServedModel
from idc.ingest.snapshot import point_to_dataset
from idc.monitor.quantities import OF_IMAGE, PROBABILITY, of_image
from idc.monitor.reference import Reference, Spread
from idc.settings import Settings
from idc.storage import ObjectStore
from stack.rest import AirflowApi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BUCKET, ENDPOINT, PARTITION, MODEL = "histoflow", "histoflow-idc", "2026-10", "c" * 64
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-inference:1.9.0-cpu-py38"
SURE = """
def model_fn(folder):
    return None

def transform_fn(model, data, content_type, accept):
    return "[0.01, 0.99]", "application/json"
"""
BOUNDED = {"value": 0.8, "low": 0.75, "high": 0.85}


def reference() -> Reference:
    """What pink patches with even answers leave of an evaluation."""
    rows = np.array([of_image(patch(seed=at)) for at in range(40)])
    owner = np.array([f"patient{at % 8}" for at in range(40)])
    spreads = {name: Spread.of(rows[:, at], owner) for at, name in enumerate(OF_IMAGE)}
    spreads[PROBABILITY] = Spread.of(np.linspace(0, 1, 40), owner)
    test = {
        "patients": 8,
        "patches": 40,
        **dict.fromkeys(("balanced_accuracy", "recall", "specificity"), BOUNDED),
    }
    return Reference(MODEL, 0.5, 1.0, 0.0, 8, 40, 0.5, spreads, test)


def serve(house: Workshop, store: ObjectStore) -> None:
    """Put a model that is always sure behind the endpoint, with all of its traffic captured."""
    sagemaker, key = house.client("sagemaker"), "models/sure/model.tar.gz"
    store.put(key, archive(code__serve=SURE))
    served = ServedModel(
        "mxnet", PARTITION, "d" * 64, "job", "", store.uri(key), MODEL, 0.5, 1.0, 0.0, True, "", "", "", ""
    )
    container = {
        "Image": IMAGE, "ModelDataUrl": store.uri(key), "Environment": {"SAGEMAKER_PROGRAM": "serve.py"}
    }  # fmt: skip
    sagemaker.create_model_package_group(ModelPackageGroupName=ENDPOINT)
    package = sagemaker.create_model_package(
        ModelPackageGroupName=ENDPOINT,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["application/x-image"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties=served.to_metadata(),
    )["ModelPackageArn"]
    role = house.client("iam").list_roles()["Roles"][0]["Arn"]
    settings = Settings(bucket=BUCKET, role_arn=role, capture_percent=100)
    sagemaker.create_model(
        ModelName="sure", PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=role
    )
    variant = {
        "VariantName": "v1-mxnet", "ModelName": "sure", "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }  # fmt: skip
    sagemaker.create_endpoint_config(
        EndpointConfigName="sure", ProductionVariants=[variant], DataCaptureConfig=rollout.capture(settings)
    )
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="sure")
    wait_until(
        lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService", 300, 0.5
    )


def ended(api: AirflowApi, run_id: str) -> dict[str, str]:
    """The states of the tasks of a run of idc_monitor, once it has ended well."""
    wait_until(lambda: api.run("idc_monitor", run_id)["state"] in ("success", "failed"), 300, 0.5)
    states = {one["task_id"]: one["state"] for one in api.task_instances("idc_monitor", run_id)}
    assert api.run("idc_monitor", run_id)["state"] == "success", states
    return states


def triggered(api: AirflowApi, day: str, **conf: Any) -> dict[str, str]:
    """The states of the tasks of a run for the day."""
    return ended(api, api.trigger("idc_monitor", day, conf)["dag_run_id"])


def document(store: ObjectStore, day: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.get(layout.monitoring(day)))
    return found


def test_nothing_served_is_kept_and_a_drift_trains_again_as_a_new_dataset_does(house: Workshop) -> None:
    store = ObjectStore(house.client("s3"), BUCKET)
    with house.airflow() as api:
        api._client.timeout = 180
        wait_until(lambda: api.dag("idc_monitor") and api.dag("idc_train"), 300, 0.5)
        coming = datetime.fromisoformat((api.dag("idc_monitor") or {})["next_dagrun_run_after"])
        assert (coming.hour, coming - datetime.now(UTC) < timedelta(days=1)) == (4, True)
        yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
        states = ended(api, api.trigger("idc_monitor", yesterday, {})["dag_run_id"])
        assert states == {
            "report": "success",
            "decide": "success",
            "keep": "success",
            "advise": "skipped",
            "retrain": "skipped",
        }
        assert "serves no model of the registry" in document(store, yesterday)["remarks"][0]

        serve(house, store)
        store.put(layout.reference(MODEL), json.dumps(reference().to_dict()).encode())
        point_to_dataset(store, PARTITION, "d" * 64)
        runtime = house.client("sagemaker-runtime")
        for at in range(30):
            runtime.invoke_endpoint(
                EndpointName=ENDPOINT, ContentType="application/x-image", Body=patch((90, 200, 90), at)
            )
        captured = f"{layout.CAPTURE}{ENDPOINT}/"
        wait_until(
            lambda: sum(len(store.get(key).splitlines()) for key in store.keys(captured)) == 30, 60, 0.5
        )

        day = f"{datetime.now(UTC):%Y-%m-%d}"
        states = triggered(api, day, min_patches=20)
        assert {name for name, state in states.items() if state == "skipped"} == {"keep", "retrain"}
        assert document(store, day)["drift"]["green"]["status"] == "drifted"
        assert api.runs("idc_train") == []

        states = triggered(api, day, min_patches=20, action="train")
        assert {name for name, state in states.items() if state == "skipped"} == {"keep", "advise"}
        training = wait_until(lambda: api.runs("idc_train"), 300, 0.5)
        # There is no such dataset, so it fails; with SQLite nothing else should be asked for meanwhile.
        wait_until(lambda: api.runs("idc_train")[0]["state"] == "failed", 300, 0.5)
        assert [(run["partition_key"], run["run_type"]) for run in training] == [
            (PARTITION, "asset_triggered")
        ]
        path = f"/dags/idc_train/dagRuns/{training[0]['dag_run_id']}/upstreamAssetEvents"
        [event] = api._request("GET", path).json()["asset_events"]
        assert event["extra"]["then"] == {"idc_train": {"rebuild": True, "seed": int(day.replace("-", ""))}}
        assert any(reason.startswith("green") for reason in event["extra"]["reasons"])

        states = triggered(api, day, min_patches=20, action="train")
        assert {name for name, state in states.items() if state == "skipped"} == {"keep", "retrain"}
        assert len(api.runs("idc_train")) == 1, "once for a model"
        check_the_button(house, api, day)

        [asset] = api._request("GET", "/assets?name_pattern=idc_dataset").json()["assets"]
        event = {"asset_id": asset["id"], "partition_key": "2026-09", "extra": {}}
        wait_until(lambda: api._request("POST", "/assets/events", json=event).is_success, 60, 1)
        wait_until(lambda: "2026-09" in [run["partition_key"] for run in api.runs("idc_train")], 300, 0.5)


def check_the_button(house: Workshop, api: AirflowApi, day: str) -> None:
    """The task's button leads to the page, for those who are logged in."""
    run_id = api.runs("idc_monitor")[0]["dag_run_id"]
    path = f"/dags/idc_monitor/dagRuns/{run_id}/taskInstances/report/links"
    address = api._request("GET", path).json()["extra_links"]["Monitoring report"]
    assert address == f"{house.airflow_url}/histoflow/{layout.monitoring_report(day)}"
    token = api._client.headers["Authorization"].removeprefix("Bearer ")
    with httpx.Client(trust_env=False, timeout=60) as browser:
        assert browser.get(address).status_code == 401
        browser.cookies.set("_token", token)
        page = browser.get(address)
        listed = browser.get(f"{house.airflow_url}/histoflow/api/monitoring").json()
    assert page.status_code == 200
    assert "Train again." in page.text
    newest, earlier = listed["days"]
    assert (newest["day"], newest["outcome"], newest["patches"], newest["labels"]) == (day, "retrain", 30, 0)
    assert newest["model"]["partition"] == PARTITION
    assert "green" in newest["drifted"]
    assert (earlier["model"], earlier["outcome"], earlier["drifted"]) == (None, "keep", [])
