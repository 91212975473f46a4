"""Training jobs of several instances: processes with host names of their own that live and die together."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from aws_jobs import channel, put
from local_aws import free_ports

REPORT = """
import json, os, pathlib, socket
resources = json.load(open("/opt/ml/input/config/resourceconfig.json"))
root = pathlib.Path("/opt/ml/input/data")
host = resources["current_host"]
files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
print("me", json.dumps({"host": socket.gethostname(), "resources": resources, "files": files}))
print("threads", os.environ["OMP_NUM_THREADS"])
for other in resources["hosts"]:
    socket.gethostbyname(other)
pathlib.Path("/opt/ml/model", host).write_text(host)
pathlib.Path("/opt/ml/model/common").write_text(host)
pathlib.Path("/opt/ml/output/data", host).write_text(host)
"""


def cluster(count: int, **changes: Any) -> dict[str, Any]:
    return {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1, **changes}


def reports(jobs: Any, name: str, count: int) -> dict[str, Any]:
    """What every instance said of itself, by its host name."""
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    jobs.logged_times(name, "me {", count)
    said = [json.loads(line.removeprefix("me ")) for line in jobs.log(name) if line.startswith("me ")]
    return {entry["host"]: entry for entry in said}


def members(jobs: Any, name: str, archive: str) -> dict[str, str]:
    """The files of an archive the job left, and their text."""
    body = jobs.s3.get_object(Bucket=jobs.aws.bucket, Key=f"jobs/{name}/output/{archive}")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]


def test_every_instance_knows_its_place_and_leaves_its_part(jobs: Any) -> None:
    uri = put(jobs, **dict.fromkeys("abcde", b"x"))
    sharded = channel(uri, S3DataDistributionType="ShardedByS3Key")
    both = {**channel(uri), "ChannelName": "all"}
    name = jobs.train(REPORT, InputDataConfig=[sharded, both], ResourceConfig=cluster(2))
    found = reports(jobs, name, 2)

    assert sorted(found) == ["algo-1", "algo-2"]
    for host, entry in found.items():
        assert entry["resources"] == {
            "current_host": host,
            "current_instance_type": "ml.m5.large",
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1", "algo-2"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": ["algo-1", "algo-2"],
                }
            ],
            "network_interface_name": "lo",
        }
        assert [file for file in entry["files"] if file.startswith("all/")] == [f"all/{x}" for x in "abcde"]
    shards = [[file for file in found[host]["files"] if file.startswith("train/")] for host in sorted(found)]
    assert shards == [["train/a", "train/c", "train/e"], ["train/b", "train/d"]]

    assert members(jobs, name, "model.tar.gz") == {"algo-1": "algo-1", "algo-2": "algo-2", "common": "algo-1"}
    assert members(jobs, name, "output.tar.gz") == {"algo-1": "algo-1", "algo-2": "algo-2"}
    streams = jobs.aws.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    assert sorted(stream["logStreamName"].rpartition("-")[0] for stream in streams) == [
        f"{name}/algo-1",
        f"{name}/algo-2",
    ]
    assert set(jobs.logged(name, "threads")) >= {"threads 1"}


def test_pipes_are_sharded_and_shuffled_across_instances(jobs: Any) -> None:
    uri = put(jobs, **{name: name.encode() for name in "abcdef"})
    script = """
import json, os
epochs = [open(f"/opt/ml/input/data/train_{epoch}").read() for epoch in range(3)]
print("me", json.dumps({"host": os.uname().nodename, "epochs": epochs}))
"""
    shuffled = channel(
        uri, InputMode="Pipe", S3DataDistributionType="ShardedByS3Key", ShuffleConfig={"Seed": 3}
    )
    found = reports(jobs, jobs.train(script, InputDataConfig=[shuffled], ResourceConfig=cluster(2)), 2)
    for one, other in zip(found["algo-1"]["epochs"], found["algo-2"]["epochs"], strict=True):
        assert sorted(one + other) == list("abcdef")
        assert len(one) == 3
    assert len({frozenset(epoch) for epoch in found["algo-1"]["epochs"]}) > 1


def test_instance_groups(jobs: Any) -> None:
    uri = put(jobs, a=b"x", b=b"x")
    groups = [
        {"InstanceGroupName": "data", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "train", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ]
    name = jobs.train(
        REPORT,
        InputDataConfig=[channel(uri, InstanceGroupNames=["train"], S3DataDistributionType="ShardedByS3Key")],
        ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1},
    )
    found = reports(jobs, name, 3)
    assert [found[f"algo-{number}"]["files"] for number in (1, 2, 3)] == [[], ["train/a"], ["train/b"]]
    resources = found["algo-2"]["resources"]
    assert (resources["current_group_name"], resources["current_instance_type"]) == ("train", "ml.m5.large")
    assert [group["hosts"] for group in resources["instance_groups"]] == [["algo-1"], ["algo-2", "algo-3"]]


def test_one_that_fails_ends_all(jobs: Any) -> None:
    script = """
import json, pathlib, sys, time
if json.load(open("/opt/ml/input/config/resourceconfig.json"))["current_host"] == "algo-2":
    pathlib.Path("/opt/ml/output/failure").write_text("out of patches")
    sys.exit(5)
time.sleep(120)
"""
    job = jobs.ended(jobs.train(script, ResourceConfig=cluster(2)), 30)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: out of patches, exit code: 5"


def test_a_model_that_is_not_packed(jobs: Any, embedded_aws: Any) -> None:
    output = {"S3OutputPath": f"s3://{embedded_aws.bucket}/jobs", "CompressionType": "NONE"}
    name = jobs.train(REPORT, OutputDataConfig=output)
    model = jobs.ended(name)["ModelArtifacts"]["S3ModelArtifacts"]
    assert model == f"s3://{embedded_aws.bucket}/jobs/{name}/output/model/"
    body = jobs.s3.get_object(Bucket=embedded_aws.bucket, Key=f"jobs/{name}/output/model/algo-1")["Body"]
    assert body.read() == b"algo-1"


def test_only_plain_files_are_packed(jobs: Any) -> None:
    script = """
import os, pathlib
model = pathlib.Path("/opt/ml/model")
(model / "weights").write_text("w")
(model / "link").symlink_to("/etc/passwd")
os.mkfifo(model / "fifo")
"""
    name = jobs.train(script)
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    assert members(jobs, name, "model.tar.gz") == {"weights": "w"}


def test_instances_reach_each_other_by_name_on_one_network(jobs: Any) -> None:
    script = """
import json, socket, time
me = json.load(open("/opt/ml/input/config/resourceconfig.json"))["current_host"]
port = PORT
if me == "algo-1":
    server = socket.create_server(("algo-1", port))
    connection, _ = server.accept()
    print("heard", connection.recv(100).decode(), flush=True)
    connection.recv(1)
else:
    for attempt in range(1000):
        try:
            connection = socket.create_connection(("algo-1", port))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    connection.sendall(me.encode())
    try:
        socket.create_server(("algo-2", port))
    except OSError as error:
        print("taken", error.strerror)
"""
    script = script.replace("PORT", str(free_ports()[0]))
    name = jobs.train(script, ResourceConfig=cluster(2))
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert "heard algo-2" in jobs.logged(name, "heard")
    assert any("Address already in use" in line for line in jobs.logged(name, "taken"))
