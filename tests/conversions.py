"""Conversions for tests: of snapshots of their own, to datasets no other test has."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

from local_aws import REPOSITORY, LocalAws, interpreter

from idc import layout
from idc.converter.conversion import Conversion, ConversionSettings, dataset_digest
from idc.converter.convert import convert
from idc.converter.index import DatasetIndex
from idc.ingest.snapshot import ingest
from idc.storage import ObjectStore

SETTINGS = ConversionSettings(shard_bytes=4096)


def ingested(aws: LocalAws, path: Path) -> str:
    """The partition that holds a new snapshot of an archive."""
    partition = f"p-{uuid.uuid4().hex[:12]}"
    ingest(str(path), partition, ObjectStore(aws.client("s3"), aws.bucket))
    return partition


def conversion_of(
    store: ObjectStore, partition: str, settings: ConversionSettings = SETTINGS, code: str | None = None
) -> Conversion:
    """A conversion to a dataset no other test has."""
    digest = dataset_digest(partition, settings, code or uuid.uuid4().hex, "image")
    archive, output = store.uri(layout.archive(partition)), store.uri(layout.dataset_prefix(digest))
    return Conversion(archive, output, digest, partition, settings, resources="absent")


def run(store: ObjectStore, conversion: Conversion) -> DatasetIndex:
    """The index of the dataset, made in this process."""
    index = convert(conversion, store.client)
    assert index is not None
    return index


def command(conversion: Conversion, environment: str = "mxnet") -> list[str]:
    """The converter as the processing job runs it."""
    return [interpreter(environment), "-m", "idc.converter.convert", *conversion.arguments()]


def in_process(aws: LocalAws, arguments: list[str]) -> subprocess.Popen[str]:
    """A process that finds the library and the embedded AWS."""
    variables = {**os.environ, **aws.env, "PYTHONPATH": str(REPOSITORY / "include")}
    pipe = subprocess.PIPE
    return subprocess.Popen(arguments, env=variables, stdout=pipe, stderr=pipe, text=True)


def events(output: str) -> list[dict[str, Any]]:
    """The lines a conversion printed."""
    return [json.loads(line) for line in output.splitlines()]


def objects(store: ObjectStore, conversion: Conversion) -> dict[str, str]:
    """The SHA-256 of every object of a dataset by its key, read in full."""
    keys = store.keys(layout.dataset_prefix(conversion.dataset_digest))
    return {key: hashlib.sha256(store.get(key)).hexdigest() for key in keys}


def forget(store: ObjectStore, conversion: Conversion) -> None:
    """Delete a dataset."""
    for key in list(store.keys(layout.dataset_prefix(conversion.dataset_digest))):
        store.delete(key)


def resources(directory: Path, hosts: int) -> list[str]:
    """The resourceconfig.json of each instance of a job."""
    names = [f"algo-{number}" for number in range(1, hosts + 1)]
    paths = [directory / f"resources-{hosts}-{name}.json" for name in names]
    for path, name in zip(paths, names, strict=True):
        path.write_text(json.dumps({"current_host": name, "hosts": names}))
    return [str(path) for path in paths]
