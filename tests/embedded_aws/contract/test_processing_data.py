"""How data reaches processing jobs and leaves them: manifests, pipes, shards, and both ways of upload."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from aws_jobs import put, s3_input, unique, waiting_for
from botocore.exceptions import ClientError
from local_aws import wait_until

GROUP = "/aws/sagemaker/ProcessingJobs"
IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"
TREE = """
import json, pathlib, socket
root = pathlib.Path("/opt/ml/processing/in")
files = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
print("files", json.dumps({socket.gethostname(): files}))
print("resources", json.dumps(json.load(open("/opt/ml/config/resourceconfig.json"))))
(pathlib.Path("/opt/ml/processing/out") / socket.gethostname()).write_text(" ".join(sorted(files)))
"""


def data(uri: str, **changes: str) -> list[dict[str, Any]]:
    return [{"InputName": "data", "S3Input": {**s3_input(uri, IN), **changes}}]


def output(uri: str, mode: str = "EndOfJob") -> dict[str, Any]:
    return {
        "Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": uri, "LocalPath": OUT, "S3UploadMode": mode}}]
    }


def stored(jobs: Any, uri: str) -> dict[str, str]:
    """The objects below an address and their text."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    keys = [item["Key"] for item in jobs.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    return {
        key.removeprefix(f"{prefix}/"): jobs.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        for key in keys
    }


def target(jobs: Any) -> str:
    return f"s3://{jobs.aws.bucket}/outputs/{unique('out')}"


def test_a_manifest(jobs: Any) -> None:
    uri = put(jobs, a=b"1", deep__b=b"2", unlisted=b"3")
    manifest = put(jobs, manifest=json.dumps([{"prefix": f"{uri}/"}, "deep/b", "a"]).encode())
    where = target(jobs)
    name = jobs.process(
        TREE,
        ProcessingInputs=data(f"{manifest}/manifest", S3DataType="ManifestFile"),
        ProcessingOutputConfig=output(where),
    )
    assert jobs.ended_processing(name)["ProcessingJobStatus"] == "Completed", jobs.log(name, GROUP)
    assert stored(jobs, where) == {"algo-1": "a deep/b"}


def test_shards_over_instances(jobs: Any) -> None:
    uri, where = put(jobs, **dict.fromkeys("abc", b"x")), target(jobs)
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    name = jobs.process(
        TREE,
        ProcessingInputs=data(uri, S3DataDistributionType="ShardedByS3Key"),
        ProcessingOutputConfig=output(where),
        ProcessingResources={"ClusterConfig": cluster},
    )
    assert jobs.ended_processing(name)["ProcessingJobStatus"] == "Completed", jobs.log(name, GROUP)
    assert stored(jobs, where) == {"algo-1": "a c", "algo-2": "b"}
    lines = jobs.logged(name, "resources", GROUP)
    hosts = sorted(json.loads(line[10:])["current_host"] for line in lines if line.startswith("resources "))
    assert hosts == ["algo-1", "algo-2"]


def test_a_pipe(jobs: Any) -> None:
    uri = put(jobs, a=gzip.compress(b"one "), b=gzip.compress(b"two"))
    script = f"print([open(f'{IN}_{{epoch}}').read() for epoch in range(2)])"
    inputs = data(uri, S3InputMode="Pipe", S3CompressionType="Gzip")
    name = jobs.process(script, ProcessingInputs=inputs)
    assert jobs.ended_processing(name)["ProcessingJobStatus"] == "Completed", jobs.log(name, GROUP)
    assert "['one two', 'one two']" in jobs.logged(name, "one", GROUP)


def test_outputs_are_uploaded_while_the_job_runs(jobs: Any, tmp_path: Path) -> None:
    where, may_end = target(jobs), tmp_path / "may-end"
    script = f"""
import pathlib
out = pathlib.Path("{OUT}")
(out / "first").write_text("1")
{waiting_for(may_end)}
(out / "last").write_text("2")
raise SystemExit(4)
"""
    name = jobs.process(script, ProcessingOutputConfig=output(where, "Continuous"))
    wait_until(lambda: "first" in stored(jobs, where))
    assert (
        jobs.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] == "InProgress"
    )
    may_end.touch()
    assert jobs.ended_processing(name)["ProcessingJobStatus"] == "Failed"
    assert stored(jobs, where)["last"] == "2"  # of a failed job too


def test_the_output_of_a_failed_job_stays(jobs: Any) -> None:
    where = target(jobs)
    script = f"open('{OUT}/a', 'w').write('1'); raise SystemExit(1)"
    name = jobs.process(script, ProcessingOutputConfig=output(where))
    assert jobs.ended_processing(name)["ProcessingJobStatus"] == "Failed"
    assert stored(jobs, where) == {}


def test_a_time_limit_and_a_message(jobs: Any) -> None:
    slow = jobs.process(
        "import time; time.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1}, Environment={"A": "b"}
    )
    said = jobs.process("open('/opt/ml/output/message', 'w').write('3 patients')")
    job = jobs.ended_processing(slow)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in job["ExitMessage"]
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 1}
    assert job["Environment"] == {"A": "b"}
    assert job["LastModifiedTime"] >= job["ProcessingEndTime"] >= job["ProcessingStartTime"]
    assert jobs.ended_processing(said)["ExitMessage"] == "3 patients"


def test_a_deleted_job_leaves_its_name(jobs: Any) -> None:
    name = jobs.process("")
    jobs.ended_processing(name)
    jobs.sagemaker.delete_processing_job(ProcessingJobName=name)
    with pytest.raises(ClientError, match="Could not find requested job"):
        jobs.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert jobs.process("", ProcessingJobName=name) == name
    jobs.ended_processing(name)


def test_requests_that_make_no_sense(jobs: Any) -> None:
    uri = f"s3://{jobs.aws.bucket}/x"
    for inputs, message in (
        (data(uri, S3CompressionType="Gzip"), "Gzip can only be used if S3InputMode is Pipe"),
        (data(uri, LocalPath=f"{IN}/../../.."), "is invalid, expected it below"),
        ([{"InputName": "d", "DatasetDefinition": {"LocalPath": IN}}], "only S3Input is served"),
        ([*data(uri), *data(uri)], "Duplicate InputName"),
    ):
        with pytest.raises(ClientError, match=message):
            jobs.process("", ProcessingInputs=inputs)
