"""The whole thread, as a user runs it: archive in, prediction out, and all of it still there after a crash.

The tests of this file share one home and stand in the order in which a user would do these things.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
import pytest
from local_aws import kill, wait_until
from workshop import MINI, PARTITION, Workshop

from idc import layout
from idc.converter.records import recordio
from idc.converter.records.recordio import Record
from idc.evaluate.served_model import ServedModel
from idc.variants.all import VARIANTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

BUCKET = "histoflow"
ENDPOINT = "histoflow-idc"
DAG_IDS = ("idc_ingest", "idc_convert", "idc_train", "idc_deploy")


def read(workshop: Workshop, key: str) -> bytes:
    return bytes(workshop.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


def candidates(workshop: Workshop) -> dict[str, dict[str, Any]]:
    keys = {variant: layout.candidate(PARTITION, variant) for variant in VARIANTS}
    return {variant: json.loads(read(workshop, key)) for variant, key in keys.items()}


def metrics(workshop: Workshop) -> dict[str, dict[str, Any]]:
    keys = {variant: layout.metrics(PARTITION, variant) for variant in VARIANTS}
    return {variant: json.loads(read(workshop, key)) for variant, key in keys.items()}


def deployed(workshop: Workshop) -> dict[str, Any]:
    """The candidate that the decision names: the one that is best on validation."""
    measured = metrics(workshop)
    best = max(measured, key=lambda name: measured[name]["validation"]["balanced_accuracy"]["value"])
    decision = json.loads(read(workshop, layout.decision(PARTITION)))
    assert (decision["outcome"], decision["variant"]) == ("deploy", best)
    assert decision["result"]["is_deployed"]
    return candidates(workshop)[best]


def objects(workshop: Workshop) -> dict[str, str]:
    """Every object, but for captured invocations: which ones are captured is chance."""
    pages = workshop.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    items = [item for page in pages for item in page.get("Contents", [])]
    return {item["Key"]: item["ETag"] for item in items if not item["Key"].startswith(layout.CAPTURE)}


def unseen(workshop: Workshop) -> list[Record]:
    """The patches of the test patients."""
    prefix = layout.dataset_prefix(deployed(workshop)["dataset_digest"]) + "recordio/test/"
    shards = sorted(key for key in objects(workshop) if key.startswith(prefix) and key.endswith(".rec"))
    return [record for key in shards for record in recordio.read_records(read(workshop, key), key)]


def probabilities(workshop: Workshop, records: list[Record]) -> list[float]:
    """The endpoint's probability of class 1 for each record."""
    client = workshop.client("sagemaker-runtime")
    answers = []
    for record in records:
        answer = client.invoke_endpoint(
            EndpointName=ENDPOINT, ContentType="application/x-image", Body=record.image
        )
        zero, one = json.loads(answer["Body"].read())
        assert zero + one == pytest.approx(1, abs=1e-3)
        answers.append(one)
    return answers


def runs(workshop: Workshop) -> dict[str, str]:
    with workshop.airflow() as airflow:
        return {run["dag_run_id"]: run["state"] for run in airflow.runs(limit=100)}


def has_settled(workshop: Workshop) -> bool:
    """Whether the newest decision is followed by a run of idc_history, and no run is left to end."""
    with workshop.airflow() as airflow:
        tasks = airflow.task_instances("idc_deploy", airflow.runs("idc_deploy")[0]["dag_run_id"])
        [decided] = [task["end_date"] for task in tasks if task["task_id"] == "conclude"]
        asked = [run["queued_at"] for run in airflow.runs("idc_history") if run["queued_at"]]
    is_followed = any(datetime.fromisoformat(at) > datetime.fromisoformat(decided) for at in asked)
    return is_followed and not {"queued", "running"} & set(runs(workshop).values())


def test_the_demo_says_what_it_did(demo: str) -> None:
    assert "Research software, not a diagnostic device." in demo
    assert "SYNTHETIC" not in demo
    assert "12 patients, 646 patches read, 0 quarantined, 646 used" in demo
    figure = r"[01]\.\d+(?: \([01]\.\d+–[01]\.\d+\))?"
    for name in (*VARIANTS, "always class 0"):
        assert len(re.findall(rf"^ +{name}(?: +{figure}){{3}}$", demo, re.MULTILINE)) == 2, name
    for name in VARIANTS:
        assert re.search(rf"^ +{name} +\d+ +[\d,]+ s +[01]\.\d+ +[01]\.\d+$", demo, re.MULTILINE), name
        assert re.search(rf"^ +{name} +idc-train-\S+$", demo, re.MULTILINE), name
    assert f"{ENDPOINT}: InService" in demo
    assert len(re.findall(r"^ +\d+_idx5_x\d+_y\d+_class[01]\.png .+ [01]\.\d+$", demo, re.MULTILINE)) == 2
    assert "make down" in demo


def test_the_demo_shows_how_far_it_is_and_nothing_of_the_libraries_logs(demo: str) -> None:
    lines = demo.splitlines()
    moving = [line for line in lines if re.match(r"^\[ *\d+:\d\d\] ", line)]

    for variants in ("builtin-lowlevel, builtin-sdk", "tensorflow", "mxnet"):
        assert any(re.search(rf"\] train {variants}: done, \d+ s", line) for line in moving), variants
    assert re.search(r"\] train [a-z, -]+: epoch \d+ of \d+, accuracy 0\.\d+", demo)
    assert re.search(r"\] 3 of 4 train: (about \d+ min|less than a minute) left", demo)
    assert demo.count("waiting for the scheduler") <= len(DAG_IDS)
    assert not re.search(r"absl|oneDNN|MKLDNN|learning_rate|\w\[\d+\]:", demo)
    assert "\x1b" not in demo, "no escape sequences in a pipe"
    assert len(moving) < 100


def test_the_demo_fits_80_columns(workshop: Workshop, demo: str) -> None:
    """All but paths of the home, which cannot be wrapped and here are as deep as a test's."""
    assert not [line for line in demo.splitlines() if len(line) > 80 and workshop.home not in line]


def test_the_endpoint_serves_the_model_just_trained(workshop: Workshop, demo: str) -> None:
    trained = deployed(workshop)
    sagemaker = workshop.client("sagemaker")
    job = sagemaker.describe_training_job(TrainingJobName=trained["training_job"])
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == trained["model_data"]
    artifact = read(workshop, trained["model_data"].removeprefix(f"s3://{BUCKET}/"))
    assert hashlib.sha256(artifact).hexdigest() == trained["model_sha256"]

    config = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    model = sagemaker.describe_model(ModelName=variant["ModelName"])
    package = sagemaker.describe_model_package(ModelPackageName=model["PrimaryContainer"]["ModelPackageName"])
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == trained["model_data"]
    served = ServedModel.from_metadata(package["CustomerMetadataProperties"], package["ModelPackageArn"])
    assert (served.variant, served.model_sha256) == (trained["variant"], trained["model_sha256"])
    assert variant["VariantName"] == f"v{package['ModelPackageVersion']}-{served.variant}"
    assert variant["InitialInstanceCount"] == 2

    records = unseen(workshop)
    answers = probabilities(workshop, records)
    by_class = [mean(a for a, r in zip(answers, records, strict=True) if r.label == k) for k in (0, 1)]
    assert by_class[1] - by_class[0] > 0.15


def test_the_models_that_scored_are_gone_and_the_served_one_is_left(workshop: Workshop, demo: str) -> None:
    sagemaker = workshop.client("sagemaker")
    scored = sagemaker.list_transform_jobs()["TransformJobSummaries"]
    models = sagemaker.list_models()["Models"]

    assert len(scored) == len(VARIANTS) - 1, "the model of both built-in variants is scored once"
    config = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    assert [one["ModelName"] for one in models] == [one["ModelName"] for one in variants]


def test_all_candidates_are_measured_on_the_same_patches(workshop: Workshop, demo: str) -> None:
    measured = metrics(workshop)

    assert len({one["model_data"] for one in measured.values()}) == len(VARIANTS) - 1
    lowlevel, sdk = measured["builtin-lowlevel"], measured["builtin-sdk"]
    assert (lowlevel["same_training"], sdk["same_training"]) == (["builtin-sdk"], ["builtin-lowlevel"])
    assert (lowlevel["model_data"], lowlevel["test"]) == (sdk["model_data"], sdk["test"])
    for side in ("validation", "test"):
        counts = {(one[side]["patients"], one[side]["patches"]) for one in measured.values()}
        assert len(counts) == 1
    assert all(one["test"]["threshold"] == one["threshold"] for one in measured.values())


def test_the_dataset_report_opens_from_its_task(workshop: Workshop, demo: str) -> None:
    with workshop.airflow() as airflow:
        run_id = airflow.runs("idc_convert")[0]["dag_run_id"]
    token = workshop.token()
    with httpx.Client(base_url=workshop.airflow_url, trust_env=False, timeout=30) as browser:
        path = f"/api/v2/dags/idc_convert/dagRuns/{run_id}/taskInstances/report/links"
        links = browser.get(path, headers={"Authorization": f"Bearer {token}"}).json()["extra_links"]
        address = links["Dataset report"]
        assert address.startswith(f"{workshop.airflow_url}/histoflow/")

        assert browser.get(address).status_code == 401
        assert browser.get(address, headers={"Cookie": "_token=forged"}).status_code in (401, 403)
        page = browser.get(address, headers={"Cookie": f"_token={token}"})

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.content == read(workshop, layout.report(deployed(workshop)["dataset_digest"]))
    assert "646" in page.text


def test_the_call_of_the_rest_api_works_as_printed(workshop: Workshop, demo: str) -> None:
    printed = demo.partition("REST API ")[2].partition("Stop ")[0].splitlines()
    (first,) = [number for number, line in enumerate(printed) if line.strip().startswith("curl ")]
    command = "\n".join(line.strip() for line in printed[first:])

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)

    answer = json.loads(done.stdout)
    if printed[1].strip().startswith("ready, ") or "class" in answer:  # it may have become ready since
        assert answer["class"] == int(answer["probability"] >= answer["threshold"])
        assert answer["synthetic"] is False
    else:  # the endpoint's model is not one from the registry
        assert answer["type"] == "urn:histoflow:problem:model-unknown"
    assert answer["disclaimer"] == "Research software, not a diagnostic device."
    page = httpx.get(f"{workshop.api_url}/", trust_env=False, timeout=60)
    assert "<h1>Histoflow</h1>" in page.text


def test_the_same_archive_again_is_not_computed_again(workshop: Workshop, demo: str) -> None:
    before = candidates(workshop)
    done = workshop.make("demo", f"ARCHIVE={MINI}")
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"partition  {PARTITION}: " in done.stdout
    reused = done.stdout.partition("Reused")[2]
    for what in ("snapshot", "dataset", "training job", "endpoint"):
        assert what in reused.partition("Airflow")[0]
    assert reused.count("training job") == len(VARIANTS) - 1
    assert candidates(workshop) == before


def test_everything_is_there_after_kill_9_of_everything(workshop: Workshop, demo: str) -> None:
    wait_until(lambda: has_settled(workshop), 300, 1)
    records = unseen(workshop)[:5]
    answers, stored, history = probabilities(workshop, records), objects(workshop), runs(workshop)
    assert set(history.values()) == {"success"}
    assert len(history) >= len(DAG_IDS)

    kill(workshop.processes())
    wait_until(lambda: not workshop.processes())
    up = workshop.make("up")
    assert up.returncode == 0, up.stdout[-4000:] + up.stderr[-2000:]

    status = wait_until(
        lambda: workshop.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"]
    )
    assert status == "InService"
    assert probabilities(workshop, records) == pytest.approx(answers, abs=1e-4)
    assert objects(workshop) == stored
    assert runs(workshop) == history


def test_a_failing_step_stops_the_demo_and_shows_why(workshop: Workshop, demo: str, tmp_path: Path) -> None:
    torn = tmp_path / "torn.zip"
    torn.write_bytes(MINI.read_bytes()[:1_000_000])
    done = workshop.make("demo", f"ARCHIVE={torn}", "PARTITION=2026-09")
    assert done.returncode != 0
    assert "idc_ingest.archive" in done.stderr
    assert "CorruptArchive" in done.stderr


def test_down_leaves_no_process(workshop: Workshop, demo: str) -> None:
    assert workshop.processes()
    down = workshop.make("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert workshop.processes() == []
