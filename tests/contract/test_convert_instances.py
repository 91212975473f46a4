"""However many instances and processes share the work, the dataset is the same to the last byte."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from archives import REAL_DATA, member, patients, picture, write_zip
from conversions import (
    SETTINGS,
    command,
    conversion_of,
    events,
    forget,
    in_process,
    ingested,
    objects,
    resources,
    run,
)
from local_aws import LocalAws, kill, wait_until

from idc import layout
from idc.convert.job import conversion_spec
from idc.converter.conversion import Conversion, ConversionSettings
from idc.converter.convert import convert
from idc.converter.index import find_index, verify_dataset
from idc.converter.manifest import read_manifest
from idc.errors import TooManyQuarantined
from idc.jobs.spec import JobSpec
from idc.settings import Settings
from idc.storage import ObjectStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture(scope="module")
def snapshot(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("instances") / "a.zip"
    small = {member(100, 0, 99): picture(7, 7, 7, size=(50, 42))}
    return ingested(embedded_aws, write_zip(path, {**patients(12, 10), **small}))


def made_anew(store: ObjectStore, conversion: Conversion, make: Callable[[], object]) -> dict[str, str]:
    """The dataset as `make` makes it from nothing."""
    forget(store, conversion)
    make()
    return objects(store, conversion)


@pytest.mark.parametrize("hosts", [2, pytest.param(3, marks=pytest.mark.exhaustive)])
def test_any_number_of_instances_makes_the_same_bytes(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, tmp_path: Path, hosts: int
) -> None:
    conversion = conversion_of(store, snapshot)
    run(store, conversion)
    alone = objects(store, conversion)

    def together() -> list[dict[str, Any]]:
        each = [replace(conversion, resources=path) for path in resources(tmp_path, hosts)]
        running = [in_process(embedded_aws, command(one)) for one in each]
        ended = [process.communicate(timeout=200) for process in running]
        assert [process.returncode for process in running] == [0] * hosts, ended
        told = [events(output) for output, _ in ended]
        made = [[event["shard"] for event in lines if event["event"] == "shard"] for lines in told]
        assert all(made), "an instance had nothing to do"
        index = find_index(store, conversion.dataset_digest)
        assert index is not None
        assert sorted(itertools.chain(*made)) == sorted(shard.key[: -len(".rec")] for shard in index.shards)
        assert {lines[-1]["event"] for lines in told} >= {"published"}
        return [lines[-1] for lines in told]

    assert made_anew(store, conversion, together) == alone


@pytest.mark.parametrize("several", [2, pytest.param(3, marks=pytest.mark.exhaustive)])
def test_one_process_and_several_make_the_same_bytes(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, several: int
) -> None:
    conversion = conversion_of(store, snapshot)
    script = (
        "import sys; from idc import storage\nfrom idc.converter import convert, conversion\n"
        "if __name__ == '__main__': convert.convert("
        "conversion.parse_arguments(sys.argv[2:]), storage.connect(), processes=int(sys.argv[1]))"
    )

    def with_processes(count: int) -> None:
        arguments = [command(conversion)[0], "-c", script, str(count), *conversion.arguments()]
        process = in_process(embedded_aws, arguments)
        output, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
        assert events(output)[0]["processes"] == count

    alone, together = (
        made_anew(store, conversion, lambda count=count: with_processes(count)) for count in (1, several)
    )
    assert alone == together


def test_instances_without_work_end_well(store: ObjectStore, snapshot: str, tmp_path: Path) -> None:
    """Whoever comes first hands over, whoever finds all shards finished publishes."""
    conversion = conversion_of(store, snapshot, ConversionSettings())
    each = [replace(conversion, resources=path) for path in resources(tmp_path, 7)]
    indexes = [convert(one, store.client) for one in reversed(each)]
    assert indexes[:-1] == [None] * 6
    assert indexes[-1] is not None
    assert len(indexes[-1].shards) == 3
    assert [convert(one, store.client) for one in each] == [indexes[-1]] * 7


def test_the_limit_of_bad_images_holds_for_all_instances_together(
    embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path
) -> None:
    bad = {member(100 + number, 0, 99): b"<svg/>" + bytes([number]) for number in range(12)}
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", {**patients(12, 10), **bad}))
    conversion = conversion_of(store, partition, replace(SETTINGS, quarantine_limit=0.08))
    first, second = (replace(conversion, resources=path) for path in resources(tmp_path, 2))
    assert convert(first, store.client) is None
    with pytest.raises(TooManyQuarantined, match="12 of 132"):
        convert(second, store.client)
    assert find_index(store, conversion.dataset_digest) is None


def test_an_instance_that_publishes_at_the_same_moment_is_adopted(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, tmp_path: Path
) -> None:
    conversion = conversion_of(store, snapshot)
    first, second = (replace(conversion, resources=path) for path in resources(tmp_path, 2))
    convert(first, store.client)
    late, meet = embedded_aws.client("s3"), threading.Event()

    def overtake(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("index.json") and not meet.is_set():
            meet.set()
            assert convert(first, store.client) is not None

    late.meta.events.register("before-call.s3.PutObject", overtake)
    assert convert(second, late) == find_index(store, conversion.dataset_digest)
    assert meet.is_set()


class Job:
    """A real processing job of the embedded AWS."""

    def __init__(self, aws: LocalAws, spec: JobSpec, attempt: int = 1) -> None:
        self.aws, self.sagemaker = aws, aws.client("sagemaker")
        self.name = spec.name(attempt)
        request = spec.create_request(attempt)
        self.arn = self.sagemaker.create_processing_job(**request)["ProcessingJobArn"]

    def description(self) -> dict[str, Any]:
        return dict(self.sagemaker.describe_processing_job(ProcessingJobName=self.name))

    def status(self) -> str | None:
        """The final status, None before."""
        status = self.description()["ProcessingJobStatus"]
        return str(status) if status in ("Completed", "Failed", "Stopped") else None

    def ended(self) -> str:
        return wait_until(self.status, 200)

    def converters(self, host: str = "") -> list[psutil.Process]:
        """The running Python processes of the job, or of one of its instances."""
        found = []
        for process in self.aws.processes(role="container", owner=self.arn):
            try:
                if f"/{host}" in process.environ()["HOME"] and "idc.converter" in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found


def spec_of(aws: LocalAws, store: ObjectStore, conversion: Conversion, instances: int) -> JobSpec:
    return conversion_spec(
        store,
        Settings(bucket=aws.bucket, role_arn=aws.role_arn),
        dag_id=f"idc-convert-{instances}",
        partition=conversion.partition,
        dataset_digest=conversion.dataset_digest,
        options=conversion.settings,
        instances=instances,
    )


@pytest.mark.parametrize(
    "instances",
    [pytest.param(1, marks=pytest.mark.exhaustive), 2, pytest.param(3, marks=pytest.mark.exhaustive)],
)
def test_a_processing_job_of_several_instances(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, instances: int
) -> None:
    conversion = conversion_of(store, snapshot)
    run(store, conversion)
    alone = objects(store, conversion)
    forget(store, conversion)
    job = Job(embedded_aws, spec_of(embedded_aws, store, conversion, instances))
    assert job.ended() == "Completed", job.description()
    assert objects(store, conversion) == alone


@pytest.mark.parametrize(
    ("host", "finished"),
    [
        ("algo-1", 2),
        *(
            pytest.param(host, finished, marks=pytest.mark.exhaustive)
            for host, finished in itertools.product(("algo-1", "algo-2"), (0, 2, 5))
            if (host, finished) != ("algo-1", 2)
        ),
    ],
)
def test_a_killed_processing_job_is_made_good_by_the_next(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, host: str, finished: int
) -> None:
    """One of two instances dies when so many shards are finished: no index; the retry makes the rest."""
    conversion = conversion_of(store, snapshot, replace(SETTINGS, shard_bytes=1024))
    run(store, conversion)
    alone = objects(store, conversion)
    forget(store, conversion)
    spec = spec_of(embedded_aws, store, conversion, 2)
    parts = layout.parts_prefix(conversion.dataset_digest)
    for attempt in range(1, 6):
        job = Job(embedded_aws, spec, attempt)
        wait_until(
            lambda job=job: (
                (job.converters(host) and len(list(store.keys(parts))) >= finished) or job.status()
            ),
            100,
        )
        kill(job.converters(host))
        if job.ended() == "Failed":
            break
        forget(store, conversion)  # it was done before the kill
    else:
        pytest.fail("every job was done before it could be killed")
    assert find_index(store, conversion.dataset_digest) is None
    kept = {key: store.client.head_object(Bucket=store.bucket, Key=key)["ETag"] for key in store.keys(parts)}
    assert len(kept) >= finished
    again = Job(embedded_aws, spec, attempt + 1)
    assert again.ended() == "Completed", again.description()
    assert objects(store, conversion) == alone


@pytest.mark.exhaustive
def test_the_larger_archive(embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path) -> None:
    path = REAL_DATA / "idc-dev.zip"
    if not path.exists():
        pytest.skip("idc-dev.zip is not on this machine")
    partition = ingested(embedded_aws, path)
    manifest = read_manifest(store, partition)
    assert (manifest.patients, sum(manifest.patches.values()), manifest.doubled_members) == (
        200,
        23_718,
        1_378,
    )
    conversion = conversion_of(store, partition, replace(SETTINGS, shard_bytes=8 << 20))
    job = Job(embedded_aws, spec_of(embedded_aws, store, conversion, 2))
    assert job.ended() == "Completed", job.description()
    index = find_index(store, conversion.dataset_digest)
    assert index is not None
    verify_dataset(store, index)
    quality = json.loads(store.get(layout.quality(conversion.dataset_digest)))
    assert (quality["patches_read"], quality["quarantined_count"]) == (23_718, 0)
    assert sum(split.patients for split in index.splits.values()) == 200
    assert sum(split.patches for split in index.splits.values()) == 23_718
