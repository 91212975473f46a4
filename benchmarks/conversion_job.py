"""Measure the whole processing job on two cores: transfer from S3, conversion, verification and upload.

It is compared with its two halves, each alone on the same two cores: the object store, which moves the same
bytes by the same requests, and the converter, which reads an archive from the disk, writes shards to the
disk, reads them back and verifies them.

The job is run with two sizes of archive. Between them its time is a line: what it takes to start, and so
much for each patch. For 16 instances, every one of which reads the whole directory of the archive and plans
all shards, the time is the start, the plan of the whole set, and a sixteenth of the rest; the object store is
taken to keep up with all of them, as S3 does. The slowest instance has at most one shard more than its share.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion import convert
from local_aws import LocalAws, wait_until
from measuring import archives, embedded_aws, moving, show, verdict

from idc import layout
from idc.convert.job import conversion_spec, digest_of_dataset
from idc.converter.conversion import ConversionSettings
from idc.converter.index import DatasetIndex, find_index
from idc.ingest.snapshot import ingest
from idc.settings import Settings
from idc.storage import ObjectStore

SIZES = (20_000, 100_000)
FULL_SET = 277_524
FULL_BYTES = 5400  # of a patch of the full set, about
INSTANCES = 16
CORES = 2
SHARE = 0.5
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


@dataclass(frozen=True)
class Run:
    """One job: seconds on the clock in all, and until its shards were planned, and the dataset it made."""

    patches: int
    bytes: int
    seconds: float
    planned_s: float
    archive_key: str
    index: DatasetIndex


def run_job(aws: LocalAws, path: Path, patches: int) -> Run:
    """Ingest an archive, then convert it as the DAG does, and wait for the job."""
    store, sagemaker = ObjectStore(aws.client("s3"), aws.bucket), aws.client("sagemaker")
    settings = Settings(bucket=aws.bucket, role_arn=aws.role_arn)
    partition, options = f"p-{uuid.uuid4().hex[:8]}", ConversionSettings()
    ingest(str(path), partition, store)
    digest = digest_of_dataset(store, settings, partition, options)
    spec = conversion_spec(
        store,
        settings,
        dag_id="bench",
        partition=partition,
        dataset_digest=digest,
        options=options,
        instances=1,
    )
    started = time.perf_counter()
    sagemaker.create_processing_job(**spec.create_request())

    def ended() -> dict[str, Any] | None:
        job = sagemaker.describe_processing_job(ProcessingJobName=spec.name())
        return job if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    job = wait_until(ended, timeout_s=600)
    seconds = time.perf_counter() - started
    assert job["ProcessingJobStatus"] == "Completed", job
    index = find_index(store, digest)
    assert index is not None
    size = sum(found.size_bytes for found in index.shards)
    planned = event(aws, spec.name(), "planned")["seconds"]
    return Run(patches, size, seconds, planned, layout.archive(partition), index)


def event(aws: LocalAws, job: str, name: str) -> dict[str, Any]:
    """What the job's log says of an event."""
    logs = aws.client("logs")
    streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
    for stream in streams:
        options = {"logStreamName": stream["logStreamName"], "startFromHead": True}
        for line in logs.get_log_events(logGroupName=LOG_GROUP, **options)["events"]:
            if line["message"].startswith(f'{{"event": "{name}"'):
                return dict(json.loads(line["message"]))
    raise AssertionError(f"{job} has not told of {name}")


def converter_alone(path: Path) -> float:
    """Seconds two converters take for one archive from disk to disk, verified."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(CORES) as pool:
        shares = [(str(number), str(CORES)) for number in range(CORES)]
        works = [pool.submit(convert, path, Path(name), "verified", *share) for share in shares]
        return max(float(work.result()["clock"]) for work in works)


def store_alone(aws: LocalAws, run: Run) -> float:
    """Seconds the object store takes to give the archive and to take and give back the dataset."""
    client = {
        "endpoint_url": aws.s3_endpoint_url,
        "region_name": "us-east-1",
        "aws_access_key_id": aws.env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": aws.env["AWS_SECRET_ACCESS_KEY"].strip("'"),
    }
    sizes = [entry.size_bytes for entry in run.index.files]
    return moving.move(client, aws.bucket, run.archive_key, run.bytes, sizes)


def main() -> None:
    members, runs = archives.painted(), []
    with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as name, embedded_aws() as aws:
        for patches in SIZES:
            path = Path(name) / f"{patches}.zip"
            archives.write_large(path, members, patches)
            runs.append(run_job(aws, path, patches))
        alone = {"converter": converter_alone(path), "object store": store_alone(aws, runs[-1])}
    report(runs, alone)


def report(runs: list[Run], alone: dict[str, float]) -> None:
    small, large = runs
    slower = max(alone, key=lambda half: alone[half])
    share = alone[slower] / large.seconds
    seconds = {"whole job": large.seconds, **{f"{half} alone": value for half, value in alone.items()}}
    rows = [[step, f"{value:.1f}", f"{large.patches / value:,.0f}"] for step, value in seconds.items()]
    show(
        f"{large.patches:,} patches, archive in S3 → verified dataset in S3, {CORES} cores",
        ["step", "s", "patches a second"],
        rows,
    )
    print(f"ratio: the job goes at {share:.2f} of what the slower half, the {slower}, allows alone")
    for instances, full_s in extrapolate(small, large).items():
        print(f"the full set, {FULL_SET:,} patches, on {instances}: {full_s:.0f} s")
    verdict(f"no less than {SHARE} of the slower half", share >= SHARE)


def extrapolate(small: Run, large: Run) -> dict[str, float]:
    """Seconds for the full set by the line through two runs; plans go by patches, the rest by bytes."""
    scale = FULL_SET * FULL_BYTES / large.bytes
    patches = large.patches - small.patches
    plan_s = (large.planned_s - small.planned_s) / patches
    work_s = (large.seconds - small.seconds) / patches - plan_s
    start_s = large.seconds - (plan_s + work_s) * large.patches
    full_plan_s, full_work_s = plan_s * FULL_SET, work_s * large.patches * scale
    return {
        f"{CORES} cores": start_s + full_plan_s + full_work_s,
        f"{INSTANCES} instances of {CORES} cores": start_s + full_plan_s + full_work_s / INSTANCES,
    }


if __name__ == "__main__":
    main()
