"""Jobs on a machine without namespaces, within their memory, and without the machine's secrets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import local_aws
import psutil
import pytest
from aws_endpoints import ECHO, Endpoints
from aws_jobs import channel, put
from local_aws import LocalAws

pytestmark = pytest.mark.slow

CANARY = "canary-5f1c"
SCRIPT = """
import json, os, pathlib, sys
base = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent
print("configuration", (base / "input/config/hyperparameters.json").read_text())
for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
    try:
        if b"canary" in path.read_bytes() and path.parent.name == str(os.getpid()):
            print("LEAK", path)
    except OSError:
        pass
print("arguments", sys.argv[1:])
(base / "model" / "weights").write_text("w")
"""
HOG = "hog = bytearray(600_000_000)\nimport time\ntime.sleep(60)\n"


@pytest.fixture(scope="module")
def plain_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS without namespaces, started by a shell that holds a secret."""
    directory = tmp_path_factory.mktemp("plain-aws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HISTOFLOW_SECRET", CANARY)
        patch.setenv("AWS_SESSION_TOKEN", CANARY)
        flags = ["--isolation", "none", "--memory-limit-mb", "300", "--stop-grace-s", "1"]
        aws = local_aws.start(directory / "home", directory / "runtimes.toml", *flags)
    yield aws
    aws.down()
    assert aws.processes() == []


def test_training_without_namespaces(plain_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]) -> None:
    jobs = jobs_of(plain_aws)
    name = jobs.train(SCRIPT, HyperParameters={"model-path": '"/opt/ml/model"'})
    job = jobs.ended(name)
    assert job["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/model.tar.gz")
    lines = jobs.logged(name, "arguments")
    assert not any("LEAK" in line for line in lines)
    where = plain_aws.home / "work" / "TrainingJob" / name / "algo-1" / "ml" / "model"
    assert f"arguments ['--model-path', '{where}']" in lines


def test_pipes_and_checkpoints_without_namespaces(
    plain_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]
) -> None:
    jobs = jobs_of(plain_aws)
    script = """
import os, pathlib
text = open(os.environ["SM_CHANNEL_TRAIN"] + "_0").read()
(pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints" / "seen").write_text(text)
"""
    checkpoints = f"s3://{plain_aws.bucket}/plain"
    name = jobs.train(
        script,
        InputDataConfig=[channel(put(jobs, a=b"1", b=b"2"), InputMode="Pipe")],
        CheckpointConfig={"S3Uri": checkpoints},
    )
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert jobs.s3.get_object(Bucket=plain_aws.bucket, Key="plain/seen")["Body"].read() == b"12"


def test_serving_without_namespaces(plain_aws: LocalAws) -> None:
    endpoints = Endpoints(plain_aws)
    name = endpoints.create(endpoints.config(endpoints.model(ECHO, "plain")))
    assert endpoints.settled(name)["EndpointStatus"] == "InService"
    assert endpoints.invoke(name)["model"] == "plain"
    endpoints.delete(name)


def test_memory_limit(plain_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]) -> None:
    jobs = jobs_of(plain_aws)
    job = jobs.ended(jobs.train(HOG))
    assert job["TrainingJobStatus"] == "Failed"
    assert "more than 300 MB of memory" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 137")


def test_no_process_of_it_holds_the_secret(plain_aws: LocalAws) -> None:
    for process in plain_aws.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # an agent may just be done
            assert CANARY not in str(process.environ())
