"""Compare Pipe mode with File mode on 1 GB of input: time to the first batch, and disk space.

The same script in the same container reads a batch, then all the rest. Times count from the request, the
disk from what lies below the channel's folder.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from aws_jobs import Jobs, unique
from local_aws import LocalAws
from measuring import embedded_aws, show, verdict

OBJECT_BYTES, OBJECTS = 64 << 20, 16
BATCH_BYTES = 64 * 5_400  # 64 patches of the size that real ones have
MODES = ("File", "FastFile", "Pipe")
MOST_DISK_SHARE = 0.01
TIMEOUT_S = 600
SCRIPT = f"""
import json, pathlib, time
root = pathlib.Path("/opt/ml/input/data")
pipe = root / "train_0"
paths = [pipe] if pipe.exists() else sorted(path for path in (root / "train").rglob("*") if path.is_file())
total, first = 0, None
for path in paths:
    with open(path, "rb") as stream:
        while block := stream.read({BATCH_BYTES}):
            total += len(block)
            first = first or time.time()
disk = sum(path.lstat().st_blocks * 512 for path in root.rglob("*"))
print("measured", json.dumps({{"first": first, "end": time.time(), "total": total, "disk": disk}}))
"""


def upload(aws: LocalAws) -> str:
    """Put a data set that does not compress into S3; return its prefix."""
    for number in range(OBJECTS):
        body = os.urandom(OBJECT_BYTES)
        aws.client("s3").put_object(Bucket=aws.bucket, Key=f"inputs/part-{number:05d}.rec", Body=body)
    return f"s3://{aws.bucket}/inputs/"


def measured(aws: LocalAws, data: str, mode: str) -> dict[str, Any]:
    """Return seconds to the first batch and to the end, and the bytes of disk, of a job in the mode."""
    jobs = Jobs(aws)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}}
    request = jobs.training_request(
        SCRIPT,
        TrainingJobName=unique(mode.lower()),
        InputDataConfig=[{"ChannelName": "train", "DataSource": source, "InputMode": mode}],
        StoppingCondition={"MaxRuntimeInSeconds": TIMEOUT_S},
    )
    created = time.time()
    aws.client("sagemaker").create_training_job(**request)
    name = request["TrainingJobName"]
    ended = jobs.ended(name, TIMEOUT_S)
    assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")
    line = next(line for line in jobs.logged(name, "measured {") if line.startswith("measured "))
    found = json.loads(line.removeprefix("measured "))
    assert found["total"] == OBJECT_BYTES * OBJECTS, found
    return {"first": found["first"] - created, "end": found["end"] - created, "disk": found["disk"]}


def main() -> None:
    with embedded_aws() as aws:
        data = upload(aws)
        results = {mode: measured(aws, data, mode) for mode in MODES}
    rows = [
        [mode, f"{each['first']:.2f}", f"{each['end']:.2f}", f"{each['disk'] / 2**20:.0f}"]
        for mode, each in results.items()
    ]
    size = OBJECT_BYTES * OBJECTS / 2**30
    show(f"{size:.0f} GiB of input", ["mode", "first batch s", "all read s", "disk MiB"], rows)
    pipe, file = results["Pipe"], results["File"]
    print(f"ratio: the first batch comes {file['first'] / pipe['first']:.1f} times as soon by pipe")
    verdict("Pipe's first batch before File's", pipe["first"] < file["first"])
    is_small = pipe["disk"] < MOST_DISK_SHARE * file["disk"]
    verdict(f"Pipe's disk under {MOST_DISK_SHARE:.0%} of File's", is_small)


if __name__ == "__main__":
    main()
