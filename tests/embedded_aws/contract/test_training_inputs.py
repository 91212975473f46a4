"""How input data reaches a training job: modes, manifests, shuffling, compression, wrapping."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import struct
from typing import Any

import pytest
from aws_jobs import channel, put
from botocore.exceptions import ClientError

TREE = """
import json, os, pathlib
root = pathlib.Path("/opt/ml/input/data")
files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
print("files", json.dumps({name: (root / name).read_text() for name in files}))
print("config", json.dumps(json.load(open("/opt/ml/input/config/inputdataconfig.json"))))
"""
PIPES = """
import base64, json, os, stat
for epoch in range({epochs}):
    path = f"/opt/ml/input/data/train_{{epoch}}"
    assert stat.S_ISFIFO(os.stat(path).st_mode), path
    with open(path, "rb") as pipe:
        print("epoch", epoch, base64.b64encode(pipe.read({limit})).decode())
"""


def found(jobs: Any, name: str, word: str) -> Any:
    """What the job printed as JSON after the word."""
    line = next(line for line in jobs.logged(name, f"{word} {{") if line.startswith(f"{word} "))
    return json.loads(line.removeprefix(f"{word} "))


def epochs(jobs: Any, input: dict[str, Any], count: int = 1, limit: int = -1) -> list[bytes]:
    """What a job reads from the pipes of its first epochs."""
    name = jobs.train(
        PIPES.format(epochs=count, limit=limit), InputDataConfig=[{**input, "InputMode": "Pipe"}]
    )
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    lines = [line for line in jobs.logged(name, f"epoch {count - 1} ") if line.startswith("epoch ")]
    return [base64.b64decode(line.split()[2]) if len(line.split()) > 2 else b"" for line in lines]


@pytest.mark.parametrize("mode", ["File", "FastFile"])
def test_a_prefix_as_files(jobs: Any, mode: str) -> None:
    uri = put(jobs, a=b"1", deep__b=b"2")
    name = jobs.train(TREE, InputDataConfig=[channel(uri, InputMode=mode, ContentType="text/plain")])
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert found(jobs, name, "files") == {"train/a": "1", "train/deep/b": "2"}
    assert found(jobs, name, "config") == {
        "train": {
            "ContentType": "text/plain",
            "TrainingInputMode": mode,
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
    }


def test_a_manifest_as_files(jobs: Any) -> None:
    uri = put(jobs, a=b"1", deep__b=b"2", unlisted=b"3")
    manifest = put(jobs, manifest=json.dumps([{"prefix": f"{uri}/"}, "deep/b", "a"]).encode())
    name = jobs.train(TREE, InputDataConfig=[channel(f"{manifest}/manifest", "ManifestFile")])
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert found(jobs, name, "files") == {"train/a": "1", "train/deep/b": "2"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[1]", "expected a list of"),
        (b'[{"prefix": "s3://test-bucket/x/"}]', "expected the names of objects"),
        (b'[{"prefix": "s3://test-bucket/x/"}, "absent"]', "s3://test-bucket/x/absent"),
        (b'[{"prefix": "s3://test-bucket/x/"}, "../../../escape"]', "lies outside"),
    ],
)
def test_a_bad_manifest_fails_the_job(jobs: Any, content: bytes, reason: str) -> None:
    uri = put(jobs, manifest=content)
    job = jobs.ended(jobs.train("", InputDataConfig=[channel(f"{uri}/manifest", "ManifestFile")]))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed: ")
    assert reason in job["FailureReason"]


def test_a_pipe_gives_the_objects_one_after_the_other_every_epoch(jobs: Any) -> None:
    big = bytes(range(256)) * 8192
    assert (
        epochs(jobs, channel(put(jobs, a=b"first ", b=b"second ", c=b"third")), 3)
        == [b"first second third"] * 3
    )
    script = """
import hashlib
print('digest', hashlib.sha256(open('/opt/ml/input/data/train_0', 'rb').read()).hexdigest())
"""
    name = jobs.train(script, InputDataConfig=[channel(put(jobs, a=big, b=big), InputMode="Pipe")])
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    assert f"digest {hashlib.sha256(big + big).hexdigest()}" in jobs.logged(name, "digest")


def test_a_reader_may_close_a_pipe_early(jobs: Any) -> None:
    uri = put(jobs, a=b"x" * 1_000_000, b=b"y" * 1_000_000)
    assert epochs(jobs, channel(uri), 3, limit=4) == [b"xxxx"] * 3


def test_nobody_has_to_read_a_pipe(jobs: Any) -> None:
    name = jobs.train("print('read nothing')", InputDataConfig=[channel(put(jobs, a=b"1"), InputMode="Pipe")])
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"


def test_the_algorithm_may_ask_for_pipes_for_all_channels(jobs: Any, embedded_aws: Any) -> None:
    name = jobs.train(
        "print('got', open('/opt/ml/input/data/train_0').read())",
        InputDataConfig=[channel(put(jobs, a=b"1"))],
        AlgorithmSpecification={"TrainingImage": embedded_aws.image, "TrainingInputMode": "Pipe"},
    )
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert "got 1" in jobs.logged(name, "got")


def test_a_pipe_is_decompressed(jobs: Any) -> None:
    members = gzip.compress(b"one ") + gzip.compress(b"two ")
    uri = put(jobs, a=members, b=gzip.compress(b"three"))
    assert epochs(jobs, channel(uri, CompressionType="Gzip")) == [b"one two three"]


def test_a_torn_object_fails_the_job(jobs: Any) -> None:
    uri = put(jobs, a=gzip.compress(b"x" * 1000)[:-10])
    script = "import time; open('/opt/ml/input/data/train_0').read(); time.sleep(60)"
    job = jobs.ended(
        jobs.train(script, InputDataConfig=[channel(uri, InputMode="Pipe", CompressionType="Gzip")]), 30
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(f"ClientError: Data download failed: {uri}/a: ")


def records(data: bytes) -> list[bytes]:
    """The content of whole RecordIO records."""
    stream, found = io.BytesIO(data), []
    while head := stream.read(8):
        magic, length = struct.unpack("<II", head)
        assert magic == 0xCED7230A
        found.append(stream.read(length))
        stream.read(-length % 4)
    return found


def test_a_pipe_of_records(jobs: Any) -> None:
    uri = put(jobs, a=b"odd", b=b"", c=b"four")
    (data,) = epochs(jobs, channel(uri, RecordWrapperType="RecordIO"))
    assert records(data) == [b"odd", b"", b"four"]


def test_an_augmented_manifest(jobs: Any) -> None:
    uri = put(jobs, cat=b"meow", dog=b"woof")
    lines = [
        {"source-ref": f"{uri}/cat", "is-a-cat": 1, "note": "tabby", "source-ref-metadata": {}},
        {"source-ref": f"{uri}/dog", "is-a-cat": 0, "note": "terrier"},
    ]
    manifest = put(jobs, manifest="\n".join(map(json.dumps, lines)).encode()) + "/manifest"
    asked = {"AttributeNames": ["source-ref", "is-a-cat", "note"]}
    wrapped = channel(manifest, "AugmentedManifestFile", RecordWrapperType="RecordIO", **asked)
    assert records(epochs(jobs, wrapped)[0]) == [b"meow", b"1", b"tabby", b"woof", b"0", b"terrier"]
    assert epochs(jobs, channel(manifest, "AugmentedManifestFile", **asked)) == [b"meow1tabbywoof0terrier"]

    missing = channel(manifest, "AugmentedManifestFile", InputMode="Pipe", AttributeNames=["colour"])
    job = jobs.ended(jobs.train("", InputDataConfig=[missing]))
    assert "line 1 without colour" in job["FailureReason"]


def test_shuffling_is_seeded_and_new_every_epoch(jobs: Any) -> None:
    uri = put(jobs, **{name: name.encode() for name in "abcdefghij"})
    first = epochs(jobs, channel(uri, ShuffleConfig={"Seed": 7}), 2)
    assert epochs(jobs, channel(uri, ShuffleConfig={"Seed": 7}), 2) == first
    assert sorted(first[0].decode()) == sorted(first[1].decode()) == list("abcdefghij")
    assert len({*first, *epochs(jobs, channel(uri, ShuffleConfig={"Seed": 8})), b"abcdefghij"}) == 4


def test_requests_that_make_no_sense(jobs: Any) -> None:
    refused = [
        (channel("s3://b/m", "AugmentedManifestFile", AttributeNames=["a"]), "can only be used if the input"),
        (channel("s3://b/m", "AugmentedManifestFile", InputMode="Pipe"), "needs AttributeNames"),
        (channel("s3://b/m", InstanceGroupNames=["gpu"]), "no instance group is called gpu"),
    ]
    for wrong, message in refused:
        with pytest.raises(ClientError, match=message):
            jobs.train("", InputDataConfig=[wrong])
