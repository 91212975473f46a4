"""The processes of one instance: shards are made side by side, one a core, each in its own memory."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Iterator, Sequence, Tuple

from idc.converter import keys
from idc.converter.conversion import Conversion
from idc.converter.errors import JobFailed
from idc.converter.parts import Part, PartTask, make_part
from idc.converter.storage import ObjectStore, connect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def stores_of(conversion: Conversion, client: S3Client) -> Tuple[ObjectStore, ObjectStore]:
    """Return the buckets of the dataset and of the snapshot."""
    dataset, snapshot = keys.parse_uri(conversion.output)[0], keys.parse_uri(conversion.archive)[0]
    return ObjectStore(client, dataset), ObjectStore(client, snapshot)


def make_parts(tasks: Sequence[PartTask], client: S3Client, processes: int) -> Iterator[Tuple[Part, bool]]:
    """Make every shard and yield (its report, whether it was there), in the order they are finished.

    Raises:
        HistoflowError: a shard could not be made; those not begun are not.
        JobFailed: a process was killed.
    """
    if min(processes, len(tasks)) <= 1:
        for task in tasks:
            yield make_part(task, *stores_of(task.conversion, client))
        return
    # A forked child would share this process's connections and, to the reader of `top`, its memory.
    context = multiprocessing.get_context("spawn")
    workers = min(processes, len(tasks))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        pending = [pool.submit(_make, task) for task in tasks]
        try:
            for done in as_completed(pending):
                yield done.result()
        except BrokenProcessPool as error:
            observed = "killed, perhaps for the memory it used"
            action = "Use an instance type with more memory, or smaller shards."
            raise JobFailed("process", "of the conversion", observed, "an answer", action) from error
        finally:
            _cancel(pending)


def _cancel(pending: Sequence[Future[Tuple[Part, bool]]]) -> None:
    for future in pending:
        future.cancel()


def _make(task: PartTask) -> Tuple[Part, bool]:
    return make_part(task, *stores_of(task.conversion, _client()))


@functools.lru_cache(maxsize=1)
def _client() -> S3Client:
    """Return this process's own client."""
    return connect()


def _end_with_parent() -> None:
    """Leave no process behind: one whose parent was killed would wait for work for ever."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
