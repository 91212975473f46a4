"""The manifest of a snapshot: what was ingested, written last; without it the snapshot does not exist."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from idc.converter import keys
from idc.converter.catalog import Refused
from idc.converter.errors import MissingObject
from idc.converter.storage import ObjectStore


@dataclass(frozen=True)
class Manifest:
    """manifest.json; `patches` is keyed by "0" and "1", `is_reused` is about the run that returned it.

    `version` is the source's own, None where it has none; manifests from before it was kept read as None.
    """

    partition: str
    source: str
    synthetic: bool
    sha256: str
    size_bytes: int
    patients: int
    patches: Dict[str, int]
    doubled_members: int
    refused_count: int
    refused: List[Refused]
    version: Optional[int] = None
    is_reused: bool = field(default=False, compare=False)

    def to_json(self) -> bytes:
        """Return manifest.json."""
        content: Dict[str, Any] = {
            "format_version": 1,
            "partition": self.partition,
            "source": self.source,
            "version": self.version,
            "synthetic": self.synthetic,
            "archive": {"sha256": self.sha256, "size_bytes": self.size_bytes},
            "patients": self.patients,
            "patches": self.patches,
            "doubled_members": self.doubled_members,
            "refused": {
                "count": self.refused_count,
                "members": [{"member": found.member, "reason": found.reason} for found in self.refused],
            },
        }
        return json.dumps(content, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read manifest.json."""
        found = json.loads(content)
        return cls(
            partition=found["partition"],
            source=found["source"],
            synthetic=found["synthetic"],
            sha256=found["archive"]["sha256"],
            size_bytes=found["archive"]["size_bytes"],
            patients=found["patients"],
            patches=found["patches"],
            doubled_members=found["doubled_members"],
            refused_count=found["refused"]["count"],
            refused=[Refused(**member) for member in found["refused"]["members"]],
            version=found.get("version"),
        )


def find_manifest(store: ObjectStore, partition: str) -> Optional[Manifest]:
    """Return a snapshot's manifest, None if the snapshot does not exist."""
    content = store.find(keys.manifest(partition))
    return None if content is None else Manifest.from_json(content)


def read_manifest(store: ObjectStore, partition: str) -> Manifest:
    """Return a snapshot's manifest.

    Raises:
        MissingObject: the snapshot does not exist.
    """
    found = find_manifest(store, partition)
    if found is None:
        uri = store.uri(keys.manifest(partition))
        raise MissingObject(
            "snapshot", partition, f"no {uri}", "a manifest", "Run idc_ingest for this partition."
        )
    return found
