"""What is known of a dataset before its patches are looked at: index, manifest, split and findings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from idc import layout
from idc.converter.index import DatasetIndex, find_index
from idc.converter.manifest import Manifest, read_manifest
from idc.converter.quality import Quality
from idc.converter.split import SplitRow, read_csv
from idc.errors import MissingObject
from idc.storage import ObjectStore


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset's documents, read."""

    index: DatasetIndex
    manifest: Manifest
    rows: list[SplitRow]
    findings: Quality

    @property
    def classes(self) -> tuple[int, int]:
        """The number of patches of class 0 and of class 1."""
        return sum(row.class0 for row in self.rows), sum(row.class1 for row in self.rows)

    def classes_of(self, split: str) -> tuple[int, int]:
        """Return the number of patches of class 0 and of class 1 in a split."""
        own = [row for row in self.rows if row.split == split]
        return sum(row.class0 for row in own), sum(row.class1 for row in own)

    @property
    def source(self) -> str:
        """Where the archive came from, without what a web address may carry of credentials."""
        parts = urlsplit(self.manifest.source)
        if parts.scheme not in ("http", "https"):
            return self.manifest.source
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def read_facts(store: ObjectStore, dataset_digest: str) -> DatasetFacts:
    """Read a dataset's documents.

    Raises:
        MissingObject: there is no such dataset, or its snapshot is gone.
    """
    index = find_index(store, dataset_digest)
    if index is None:
        raise MissingObject("dataset", dataset_digest, "no index.json", "one", "Run idc_convert.")
    return DatasetFacts(
        index=index,
        manifest=read_manifest(store, index.partition),
        rows=read_csv(store.get(layout.split_table(dataset_digest))),
        findings=Quality.from_dict(json.loads(store.get(layout.quality(dataset_digest)))),
    )
