"""Monitoring on what the services themselves leave: a real endpoint's capture, the REST API's feedback."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import airflow_task
import boto3
import httpx
import numpy as np
import pytest
from airflow.sdk.execution_time.context import set_current_context
from aws_endpoints import Endpoints
from contract import rest
from local_aws import LocalAws, everything_sent_to, wait_until
from PIL import Image
from sklearn.metrics import balanced_accuracy_score
from unit.idc.html.conftest import Converted
from unit.idc.html.measured import PARTITION, measured_by
from unit.idc.monitor.test_stage import images
from unit.idc.rehearsal import contents, filled

from histoflow import forms
from histoflow.operators.report import MonitoringReportOperator
from idc import layout
from idc.converter.index import find_index
from idc.deploy import rollout
from idc.settings import settings
from idc.storage import ObjectStore
from idc.train import candidates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PNG = {"Content-Type": "image/png"}
GREEN = (90, 200, 90)  # no stain of any laboratory
FORM = {name: param.value for name, param in forms.monitoring().items()}


@dataclass(frozen=True)
class Watched:
    """A bucket with the dataset and the evaluation of a model, which is served behind the REST API."""

    store: ObjectStore
    client: httpx.Client
    patches: list[tuple[str, bytes]]
    endpoint: str

    def send(self, images: list[bytes]) -> list[dict[str, Any]]:
        """Have the API answer, and wait until everything that was ever sent is in a capture file."""
        before = self.captured()
        answers = [self.client.post("/v1/predictions", content=one, headers=PNG) for one in images]
        assert {one.status_code for one in answers} == {200}
        wait_until(lambda: self.captured() == before + len(images), 30, 0.2)
        return [one.json() for one in answers]

    def captured(self) -> int:
        keys = self.store.keys(f"{layout.CAPTURE}{self.endpoint}/")
        return sum(len(self.store.get(key).splitlines()) for key in keys)

    def report(self, **params: Any) -> dict[str, Any]:
        """Run the task of today; return monitoring.json."""
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        context: Any = {"params": {**FORM, "min_patches": 40, **params}}
        with set_current_context(context):
            facts = airflow_task.run(MonitoringReportOperator(task_id="report", day=day))
        found: dict[str, Any] = json.loads(self.store.get(layout.monitoring(day)))
        assert (facts["outcome"], facts["reasons"]) == (found["outcome"], found["reasons"])
        assert facts["is_served"]
        assert self.store.head(layout.monitoring_report(day))
        return found


def answer_of(image: bytes) -> float:
    """What the served script answers, computed here."""
    with Image.open(io.BytesIO(image)) as opened:
        pixel: Any = opened.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    return 1 / (1 + math.exp(-(rest.WEIGHTS[0] * (pixel[2] - pixel[0]) / 255 + rest.WEIGHTS[1])))


@pytest.fixture(scope="module")
def watched(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    digest, _, objects = contents()
    fleet = rest.Fleet(Endpoints(embedded_aws))
    own = {
        "HISTOFLOW_BUCKET": embedded_aws.bucket,
        "HISTOFLOW_ROLE_ARN": embedded_aws.role_arn,
        "HISTOFLOW_ENDPOINT_NAME": fleet.name,
        "HISTOFLOW_CAPTURE_PERCENT": "100",
    }
    with everything_sent_to(embedded_aws, **own):
        settings.cache_clear()
        store = filled(ObjectStore(boto3.client("s3"), embedded_aws.bucket), objects)
        patches = images(store, digest)
        raw = {name: answer_of(image) for name, image in patches}
        index = find_index(store, digest)
        assert index is not None
        measured_by(Converted(store, index), lambda names: np.array([raw[name] for name in names.tolist()]))
        candidate = candidates.candidate(store, PARTITION, "mxnet")
        version = fleet.version(
            partition=PARTITION, dataset_digest=digest, model_sha256=candidate.model_sha256
        )
        home = tmp_path_factory.mktemp("watched")
        fleet.create(fleet.config(*version, DataCaptureConfig=rollout.capture(settings())))
        with (
            rest.api(embedded_aws, fleet.name, home, rate_limit="10000/second") as api,
            api.client() as client,
        ):
            yield Watched(store, client, patches, fleet.name)
    settings.cache_clear()


def test_from_no_traffic_to_drift_and_labels(watched: Watched) -> None:
    quiet = watched.report()
    assert (quiet["outcome"], quiet["traffic"]["patches"]) == ("keep", 0)
    assert quiet["model"]["version"] == "v1-mxnet"

    answers = watched.send([image for _, image in watched.patches])
    truth = [int("class1" in name) for name, _ in watched.patches]
    for answer, label in zip(answers, truth, strict=True):
        body = {"request_id": answer["request_id"], "label": label}
        assert watched.client.post("/v1/feedback", json=body).status_code == 201
    same = watched.report()

    assert {one["status"] for one in same["drift"].values()} == {"steady"}
    assert max(one["index"] for one in same["drift"].values()) < 0.01, "the very patches of the evaluation"
    assert same["traffic"]["patches"] == len(watched.patches)
    assert 1 <= same["traffic"]["sources"] <= 2, "the hours in which they came"
    assert same["traffic"]["refused"]["count"] == same["feedback"]["refused"]["count"] == 0
    said = same["feedback"]
    assert (said["patches"], said["classes"]["1"]) == (len(truth), sum(truth))
    assert said["balanced_accuracy"]["value"] == pytest.approx(
        balanced_accuracy_score(truth, [answer["class"] for answer in answers])
    )
    assert same["is_over"] is False

    watched.send([rest.image(rest.patch(GREEN, texture=at % 40)) for at in range(2 * len(watched.patches))])
    drifted = watched.report()

    assert drifted["outcome"] == "retrain"
    assert drifted["drift"]["eosin"]["status"] == "drifted"
    assert any(reason.startswith("eosin") for reason in drifted["reasons"])
    assert watched.report() == drifted


def test_a_slide_is_one_source(watched: Watched) -> None:
    before = watched.report()["traffic"]
    slide = np.vstack([np.hstack([rest.patch(rest.PINK, texture=9)] * 4)] * 2)
    answer = watched.client.post("/v1/slides", content=rest.image(slide), headers=PNG)
    assert answer.status_code == 202, answer.text
    wait_until(lambda: watched.captured() >= before["patches"] + 8, 60, 0.2)

    after = watched.report()["traffic"]

    assert (after["patches"] - before["patches"], after["sources"] - before["sources"]) == (8, 1)
