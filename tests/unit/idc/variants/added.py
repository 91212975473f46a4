"""A variant that one file added goes through every stage; `test_guide.py` runs this in a copy of the tree."""

from __future__ import annotations

import json
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor

import local_aws
import pytest
from unit.idc.rehearsal import PARTITION, SETTINGS, measured, plan_training, scored, trained

from histoflow import forms
from idc import layout
from idc.dashboard import partitions, timeline
from idc.dashboard.documents import Documents
from idc.evaluate.report import stage as report
from idc.history import stage as history
from idc.jobs import source
from idc.storage import ObjectStore
from idc.train import candidates
from idc.variants.all import variant
from stack import paths, runtimes

NAME = "pytorch"


def test_the_forms_offer_it() -> None:
    assert NAME in forms.training()["variants"].value
    assert NAME in forms.tuning()["variant"].schema["enum"]
    assert NAME in forms.TUNED_FOR_ALL


def test_it_is_planned_and_requested_by_the_sdks_own_estimator(snapshot: ObjectStore, dataset: str) -> None:
    [plan] = [one for one in plan_training(snapshot) if one["variant"] == NAME]
    driver = (
        "import json, sys, sagemaker.pytorch\n"
        "made = []\n"
        "class Noted(sagemaker.pytorch.PyTorch):\n"
        "    def __init__(self, **given):\n"
        "        made.append(type(self).__mro__[1].__name__)\n"
        "        super().__init__(**given)\n"
        "sagemaker.pytorch.PyTorch = Noted\n"
        "from idc.variants.sdk import requested\n"
        "print(json.dumps([requested(json.load(sys.stdin)), made]))\n"
    )
    done = subprocess.run(
        [local_aws.interpreter("sagemaker-sdk"), "-c", driver],
        env={"PYTHONPATH": str(paths.INCLUDE), "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"},
        input=json.dumps([plan]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    [[made], used] = json.loads(done.stdout.splitlines()[-1])

    assert used == ["PyTorch"]
    request = made["request"]
    assert request["AlgorithmSpecification"]["TrainingImage"].endswith("/pytorch-training:2.5.1-cpu-py311")
    names = [one["Name"] for one in request["AlgorithmSpecification"]["MetricDefinitions"]]
    assert names == list(variant(NAME).metrics)
    code = json.loads(request["HyperParameters"]["sagemaker_submit_directory"])
    assert source.training_source(NAME).digest in code
    assert {"train.py", "patches.py"} <= set(source.training_source(NAME).files)


def test_its_images_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    image = variant(NAME).inference_image

    assert image.setting == "HISTOFLOW_PYTORCH_INFERENCE_IMAGE"
    assert image.uri(SETTINGS.model_copy(update={"images": {image.setting: "mine:1"}})) == "mine:1"


def test_it_is_recorded_measured_and_shown(snapshot: ObjectStore, dataset: str) -> None:
    trained(snapshot, NAME)
    assert candidates.candidate(snapshot, PARTITION, NAME).variant == NAME
    scored(snapshot, dataset, "transform-pytorch")
    [facts] = measured(snapshot, "transform-pytorch")
    assert facts["variant"] == NAME
    assert json.loads(snapshot.get(layout.metrics(PARTITION, NAME)))["variant"] == NAME
    report.evaluation(snapshot, partition=PARTITION, variant=NAME)
    assert b"pytorch" in snapshot.get(layout.evaluation_report(PARTITION, NAME))
    card = json.loads(snapshot.get(layout.card(PARTITION, NAME, "json")))
    assert variant(NAME).algorithm in json.dumps(card)

    history.run(snapshot)
    assert "pytorch" in snapshot.get(layout.history_page()).decode().lower()

    with ThreadPoolExecutor(2) as executor:
        documents = Documents(lambda: snapshot, executor)
        assert [one["name"] for one in partitions.partition(documents, PARTITION)["candidates"]] == [NAME]
        [line] = timeline.history(documents)["partitions"]
        assert [one["name"] for one in line["candidates"]] == [NAME]


def test_its_images_may_be_pulled_and_have_a_runtime() -> None:
    made = runtimes.files(paths.REPOSITORY)

    assert "arn:aws:ecr:REGION:*:repository/pytorch-training" in made[runtimes.POLICY]
    known = {one["name"]: one for one in tomllib.loads(made[runtimes.DOCKER])["runtime"]}
    assert known[NAME]["images"] == ["*/pytorch-training:*", "*/pytorch-inference:*"]
    assert known[NAME]["python"] == "/opt/histoflow/envs/pytorch/bin/python"
