"""Move the bytes of a conversion through the object store by two processes that do nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import boto3

from idc.converter.ranges import BLOCK_BYTES
from idc.storage import ObjectStore

Client = Mapping[str, str]


def move(client: Client, bucket: str, archive: str, archive_bytes: int, sizes: Sequence[int]) -> float:
    """Seconds to read the first bytes of an archive, and to write and read back objects of these sizes."""
    offsets = range(0, archive_bytes, BLOCK_BYTES)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        shares = [(client, bucket, archive, offsets[half::2], sizes[half::2], half) for half in (0, 1)]
        list(pool.map(time.sleep, [0.0, 0.0]))  # both have started
        started = time.perf_counter()
        list(pool.map(_move, shares))
        return time.perf_counter() - started


def _move(share: tuple[Client, str, str, Sequence[int], Sequence[int], int]) -> None:
    client, bucket, archive, offsets, sizes, half = share
    store = ObjectStore(boto3.client("s3", **client), bucket)  # type: ignore[call-overload]
    head = store.head(archive)
    assert head is not None
    for offset in offsets:
        store.get_range(archive, offset, min(BLOCK_BYTES, head.size_bytes - offset), head.etag)
    for number, size in enumerate(sizes):
        key = f"moved/{half}/{number}"
        store.put_missing(key, bytes(size))
        store.get(key)
