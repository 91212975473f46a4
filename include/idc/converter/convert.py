"""Convert a snapshot to a dataset: `python3 -m idc.converter.convert --archive s3://… --output s3://… …`.

The entry point of a SageMaker Processing job of one or more instances. Each makes the same plan, cuts its
shards out of the archive by ranged reads, one process a core, and reads each back from S3. The instance that
finds all shards finished publishes the index. It prints one JSON line per event.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from idc.converter import keys
from idc.converter.archive import Limits
from idc.converter.building import DatasetBuilder
from idc.converter.cluster import read_cluster
from idc.converter.conversion import Conversion, parse_arguments
from idc.converter.errors import ConfigurationError, HistoflowError, SnapshotConflict
from idc.converter.given_split import load_split
from idc.converter.index import DatasetIndex, find_index, verify_dataset
from idc.converter.manifest import Manifest, read_manifest
from idc.converter.plan import Plan, make_plan
from idc.converter.ranges import ObjectRanges
from idc.converter.storage import ObjectStore, connect
from idc.converter.workers import cores, stores_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EXIT_MESSAGE = Path("/opt/ml/output/message")  # what DescribeProcessingJob shows as ExitMessage
_LONGEST_MESSAGE = 1000

_started = time.monotonic()


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a conversion from the command line; return the exit code."""
    try:
        conversion = parse_arguments(sys.argv[1:] if arguments is None else arguments)
        convert(conversion, connect(), processes=cores())
    except HistoflowError as error:
        report("failed", error=type(error).__name__, message=str(error))
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        if EXIT_MESSAGE.parent.is_dir():
            with contextlib.suppress(OSError):  # the line above has said it already
                EXIT_MESSAGE.write_text(f"{error}"[:_LONGEST_MESSAGE], encoding="utf-8")
        return 1
    return 0


def convert(conversion: Conversion, client: S3Client, processes: int = 1) -> Optional[DatasetIndex]:
    """Make this instance's part of the dataset, or verify the dataset that is there.

    Returns:
        The index, None if another instance has shards left to make and will publish it.

    Raises:
        HistoflowError: nothing was published.
    """
    store, snapshots = _stores(conversion, client)
    cluster = read_cluster(conversion.resources)
    index = find_index(store, conversion.dataset_digest)
    if index is not None:
        if cluster.is_first:
            verify_dataset(store, index)
        report("reused", dataset_digest=conversion.dataset_digest, shards=len(index.shards))
        return index
    manifest = read_manifest(snapshots, conversion.partition)
    reader = ObjectRanges(snapshots, keys.archive(conversion.partition))
    split_sha256 = conversion.settings.split_sha256
    given = load_split(split_sha256, store) if split_sha256 else None
    plan = make_plan(reader, conversion.settings, Limits(), given)
    _check_snapshot(manifest, reader, plan)
    report(
        "planned",
        patients=len(plan.sides),
        patches=len(plan.catalog),
        shards=len(plan.shards),
        instance=f"{cluster.host} of {len(cluster.hosts)}",
        processes=processes,
    )
    builder = DatasetBuilder(conversion, manifest, plan, client, cluster, report)
    return builder.build(reader.etag, processes)


def report(event: str, **facts: object) -> None:
    """Print one line that people and programs can read."""
    line = {"event": event, "seconds": round(time.monotonic() - _started, 1), **facts}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _stores(conversion: Conversion, client: S3Client) -> Tuple[ObjectStore, ObjectStore]:
    """Return the buckets of the dataset and of the snapshot, after checking both addresses."""
    expected = keys.dataset_prefix(conversion.dataset_digest)
    _check_key("--output", keys.parse_uri(conversion.output)[1], expected)
    _check_key("--archive", keys.parse_uri(conversion.archive)[1], keys.archive(conversion.partition))
    return stores_of(conversion, client)


def _check_key(option: str, observed: str, expected: str) -> None:
    if observed != expected:
        raise ConfigurationError(
            "option", option, f"key {observed!r}", repr(expected), "Correct the job's request."
        )


def _check_snapshot(manifest: Manifest, reader: ObjectRanges, plan: Plan) -> None:
    """Refuse an archive that is not the one its manifest tells of."""
    counts = plan.catalog.counts().values()
    observed = (reader.size, len(plan.catalog), sum(one for _, one in counts), plan.catalog.doubled)
    patches = manifest.patches["0"] + manifest.patches["1"]
    expected = (manifest.size_bytes, patches, manifest.patches["1"], manifest.doubled_members)
    if observed != expected:
        action = "Delete the partition's snapshot and ingest it again."
        shown = "{} bytes, {} patches, {} of class 1, {} doubled".format
        raise SnapshotConflict("archive", reader.name, shown(*observed), shown(*expected), action)


if __name__ == "__main__":
    sys.exit(main())
