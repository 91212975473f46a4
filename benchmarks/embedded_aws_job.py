"""Measure a training job's overhead: created → process starts, process ends → Completed.

The script does next to nothing and writes down when it began and ended. The same script is run by
hand, with the same interpreter, to know what of it is the interpreter's own start.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from local_aws import LocalAws, archive, interpreter, wait_until
from measuring import embedded_aws, show, verdict

RUNS = 15
TARGET_S = 0.5
SCRIPT = """
import os, pathlib, sys, time
began = time.time()
pathlib.Path(os.environ["BENCHMARK_FILE"]).write_text(f"{began} {time.time()}")
"""


def by_hand(directory: Path) -> float:
    """Seconds from starting the script to its end."""
    script, times = directory / "train.py", directory / "by-hand"
    script.write_text(SCRIPT)
    started = time.time()
    subprocess.run([interpreter("dev"), str(script)], env={"BENCHMARK_FILE": str(times)}, check=True)
    return time.time() - started


def as_job(aws: LocalAws, number: int, directory: Path) -> tuple[float, float, float]:
    """Seconds from creation to the script, from its end to Completed, and of all."""
    sagemaker = aws.client("sagemaker")
    name, times = f"overhead-{number}", directory / f"job-{number}"
    created = time.time()
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": aws.image, "TrainingInputMode": "File"},
        RoleArn=aws.role_arn,
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{aws.bucket}/sourcedir.tar.gz",
        },
        Environment={"BENCHMARK_FILE": str(times)},
        OutputDataConfig={"S3OutputPath": f"s3://{aws.bucket}/jobs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    wait_until(times.exists, period_s=0.005)

    def is_completed() -> bool:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        assert job["TrainingJobStatus"] in ("InProgress", "Completed"), job
        return bool(job["TrainingJobStatus"] == "Completed")

    wait_until(is_completed, period_s=0.005)
    completed = time.time()
    began, ended = map(float, times.read_text().split())
    return began - created, completed - ended, completed - created


def main() -> None:
    with tempfile.TemporaryDirectory() as name, embedded_aws() as aws:
        directory = Path(name)
        aws.client("s3").put_object(Bucket=aws.bucket, Key="sourcedir.tar.gz", Body=archive(train=SCRIPT))
        as_job(aws, 0, directory)  # the first one warms both up
        by_hand(directory)
        hand = [by_hand(directory) for _ in range(RUNS)]
        jobs = [as_job(aws, number, directory) for number in range(1, RUNS + 1)]
    before, after, whole = (list(column) for column in zip(*jobs, strict=True))
    overhead = [job - statistics.median(hand) for job in whole]
    rows = [
        [what, f"{statistics.median(values):.3f}", f"{max(values):.3f}"]
        for what, values in (
            ("by hand, start to end", hand),
            ("created → the script runs", before),
            ("the script ends → Completed", after),
            ("a job beyond the script by hand", overhead),
        )
    ]
    show(f"Overhead of a training job, {RUNS} runs", ["step", "median s", "longest s"], rows)
    script = statistics.median(hand)
    print(f"ratio: a job takes {statistics.median(whole) / script:.0f} times as long as its script by hand")
    verdict(f"under {TARGET_S} s in all", statistics.median(overhead) < TARGET_S)


if __name__ == "__main__":
    main()
