"""Compare the latency of each variant's server, for 1 and 64 patches, with its model called in process.

Each model is trained for an epoch by a real job, for its size, not its skill. Its server is asked as an
endpoint's container is, without the router before it (embedded_aws_invoke.py measures that). The built-in
algorithm takes one image a request, so its 64 are 64 requests.
"""

from __future__ import annotations

import io
import sqlite3
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from aws_endpoints import Endpoints
from aws_jobs import unique
from embedded_aws_invoke import Asked
from local_aws import LocalAws
from measuring import Times, show, timed, verdict
from measuring.jobs import BATCH, train
from measuring.variants import VARIANTS, Variant, aws_with_variants, patches

CALLS = {1: 200, BATCH: 20}
WARM_UP = 5
TARGET = 2.0
IMAGE, NPY = "application/x-image", "application/x-npy"


def write_requests(directory: Path) -> list[tuple[Path, str]]:
    """Write a patch and a batch of them; return the files and their content types."""
    (_, image), *_ = patches(1)
    pixels = np.random.default_rng(2).integers(0, 256, (BATCH, 50, 50, 3), dtype=np.uint8)
    batch = io.BytesIO()
    np.save(batch, pixels)
    (directory / "one").write_bytes(image)
    (directory / "batch").write_bytes(batch.getvalue())
    return [(directory / "one", IMAGE), (directory / "batch", NPY)]


def served(aws: LocalAws, variant: Variant, artifact: str) -> str:
    """Return a new endpoint of the model."""
    endpoints, name = Endpoints(aws), unique(variant.name)
    program = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {
        "Image": variant.inference_image,
        "ModelDataUrl": artifact,
        "Environment": program if variant.name == "mxnet" else {},
    }
    endpoints.sagemaker.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=aws.role_arn
    )
    return endpoints.in_service(name)


def port_of(aws: LocalAws, endpoint: str) -> int:
    """Return the port of the endpoint's only worker."""
    with sqlite3.connect(aws.home / "state.sqlite3") as database:
        rows = database.execute("SELECT port FROM worker WHERE endpoint = ? AND state = 'ready'", (endpoint,))
        return int(rows.fetchone()[0])


def unpacked(aws: LocalAws, artifact: str, folder: Path) -> Path:
    """Return a folder with the model's files."""
    key = artifact.removeprefix(f"s3://{aws.bucket}/")
    body = aws.client("s3").get_object(Bucket=aws.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def measured(aws: LocalAws, variant: Variant, directory: Path) -> list[tuple[int, Times, Times]]:
    """Return for one patch and for a batch how long the server took and how long the model in process."""
    job, _ = train(aws, variant, directory, epochs=1)
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    model = unpacked(aws, artifact, directory / variant.name)
    results = []
    for (file, kind), count in zip(write_requests(directory), CALLS, strict=True):
        times = 1
        if count > 1 and not variant.is_script:
            file, kind, times = directory / "one", IMAGE, count
        calls = CALLS[count] * times
        (alone,) = variant.by_itself("in_process", model=model, requests=[(file, kind)], calls=calls)
        endpoint = served(aws, variant, artifact)
        headers = {"content-type": kind}
        asked = Asked(port_of(aws, endpoint), "/invocations", file.read_bytes(), headers)
        timed([asked] * WARM_UP)
        seconds = timed([asked] * calls).seconds
        Endpoints(aws).delete(endpoint)
        results.append((count, in_groups(seconds, times), in_groups(alone, times)))
    return results


def in_groups(seconds: Any, size: int) -> Times:
    """Return the sums of every `size` calls in a row."""
    return Times([sum(seconds[at : at + size]) for at in range(0, len(seconds), size)])


def main() -> None:
    rows, ratios = [], {}
    with tempfile.TemporaryDirectory() as name, aws_with_variants(Path(name)) as aws:
        for variant in VARIANTS:
            for count, server, alone in measured(aws, variant, Path(name)):
                what = f"{variant.name}, {count} patch{'es' if count > 1 else ''}"
                ratios[what] = server.milliseconds(50) / alone.milliseconds(50)
                figures = [each.milliseconds(p) for each in (alone, server) for p in (50, 99)]
                rows.append([what, *(f"{figure:.2f}" for figure in figures), f"{ratios[what]:.2f}"])
    head = ["server", "model p50 ms", "model p99 ms", "server p50 ms", "server p99 ms", "p50 ratio"]
    show("Serving", head, rows)
    for what, ratio in ratios.items():
        verdict(f"{what}: the server takes under {TARGET:.0f} times as long as its model", ratio < TARGET)


if __name__ == "__main__":
    main()
