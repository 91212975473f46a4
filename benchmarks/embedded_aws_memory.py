"""Measure the memory of edge and S3 proxy with 10,000 jobs, and while 3 GB pass through S3.

The object is stored and read through the S3 port, as clients do, and read once more through the
edge, which passes on the requests for S3 that reach it.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.credentials import Credentials
from embedded_aws_api import STORED, Server, fill
from local_aws import LocalAws
from measuring import embedded_aws, show, verdict

OBJECT_BYTES = 3 * 10**9
PART_BYTES = 32 * 2**20
PERIOD_S = 0.05
FLAT_BYTES = 32 * 2**20


class Zeros(io.RawIOBase):
    """A file of so many zeros that is nowhere."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        count = self._left if size < 0 else min(size, self._left)
        self._left -= count
        return bytes(count)


class Watched:
    """The processes watched, and the most memory each was seen with."""

    def __init__(self, aws: LocalAws) -> None:
        self._processes = {
            "edge": aws.processes("edge")[0],
            "S3 proxy": aws.processes("s3_proxy")[0],
        }

    def now(self) -> dict[str, int]:
        return {name: process.memory_info().rss for name, process in self._processes.items()}

    def most_during(self, act: Callable[[], object]) -> dict[str, int]:
        """The largest memory of each while something is done."""
        seen, done = [self.now()], threading.Event()

        def look() -> None:
            while not done.wait(PERIOD_S):
                seen.append(self.now())

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            act()
        finally:
            done.set()
            watcher.join()
        return {name: max(sample[name] for sample in seen) for name in self._processes}


def read(s3: Any, bucket: str) -> None:
    body = s3.get_object(Bucket=bucket, Key="large")["Body"]
    size = sum(len(chunk) for chunk in body.iter_chunks(2**20))
    assert size == OBJECT_BYTES, size


def main() -> None:
    with embedded_aws("--max-jobs", "1") as aws:
        watched = Watched(aws)
        steps = {"just started": watched.now()}
        pair = Credentials(aws.env["AWS_ACCESS_KEY_ID"], aws.env["AWS_SECRET_ACCESS_KEY"].strip("'"))
        fill(aws, Server(aws.port, pair))
        steps[f"{STORED:,} jobs stored"] = before = watched.now()
        s3, through_edge = aws.client("s3"), aws.client("s3", endpoint_url=aws.endpoint_url)
        parts = TransferConfig(multipart_chunksize=PART_BYTES, max_concurrency=2)
        moves: dict[str, Callable[[], object]] = {
            "3 GB stored": lambda: s3.upload_fileobj(Zeros(OBJECT_BYTES), aws.bucket, "large", Config=parts),
            "3 GB read": lambda: read(s3, aws.bucket),
            "3 GB read through the edge": lambda: read(through_edge, aws.bucket),
        }
        for name, move in moves.items():
            steps[name] = watched.most_during(move)
    rows = [[step, *(f"{size / 2**20:.0f}" for size in sizes.values())] for step, sizes in steps.items()]
    show("Memory, MB of resident set, the most seen", ["step", *before], rows)
    growth = max(sizes[name] - before[name] for sizes in steps.values() for name in before)
    print(f"ratio: {growth / OBJECT_BYTES:.5f} bytes of memory for a byte that passes")
    verdict(f"flat, within {FLAT_BYTES // 2**20} MB", growth < FLAT_BYTES)


if __name__ == "__main__":
    main()
