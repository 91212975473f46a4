"""What a conversion is asked to do: its settings, its digest, and both as the job's arguments.

This module imports nothing heavy: Airflow asks it for a dataset's digest before there is a job.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import List, Sequence, Tuple

from idc.converter.errors import ConfigurationError
from idc.converter.keys import RAW_FORMATS
from idc.converter.split import Shares

PAD, EXCLUDE = EDGE_PATCHES = ("pad", "exclude")
# Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
RESOURCES = "/opt/ml/config/resourceconfig.json"

_LARGEST_SHARD = 256 << 20


@dataclass(frozen=True)
class ConversionSettings:
    """All that decides what the shards of a snapshot hold.

    `formats` are those of `keys.RAW_FORMATS` wanted beside the ones every dataset has; `split_sha256` is
    the digest of a given split's CSV, empty where the seed and the shares decide.
    """

    seed: int = 7
    shares: Shares = field(default_factory=Shares)
    shard_bytes: int = 16 << 20
    quarantine_limit: float = 0.001
    formats: Tuple[str, ...] = ()
    edge_patches: str = PAD
    split_sha256: str = ""

    def __post_init__(self) -> None:
        """Refuse settings out of range; bring the formats into one order.

        Raises:
            ConfigurationError: names the setting.
        """
        object.__setattr__(self, "formats", tuple(sorted(set(self.formats))))
        if not 1 << 10 <= self.shard_bytes <= _LARGEST_SHARD:
            raise _wrong("shard_bytes", self.shard_bytes, f"1024 to {_LARGEST_SHARD} bytes")
        if not 0 <= self.quarantine_limit <= 1:
            raise _wrong("quarantine_limit", self.quarantine_limit, "0 to 1")
        if not set(self.formats) <= set(RAW_FORMATS):
            raise _wrong("formats", ", ".join(self.formats), f"some of {', '.join(RAW_FORMATS)}")
        if self.edge_patches not in EDGE_PATCHES:
            raise _wrong("edge_patches", self.edge_patches, " or ".join(EDGE_PATCHES))
        if not re.fullmatch("([0-9a-f]{64})?", self.split_sha256):
            raise _wrong("split_sha256", self.split_sha256, "64 hexadecimal digits or nothing")


@dataclass(frozen=True)
class Conversion:
    """One conversion: a snapshot's archive to the dataset of this digest, below `output`.

    `resources` is the file that names the instances of the job; without it there is one. `rebuild` names the
    request to make the dataset anew: files that lie there are written again, whatever S3 says of them.
    """

    archive: str
    output: str
    dataset_digest: str
    partition: str
    settings: ConversionSettings
    resources: str = RESOURCES
    rebuild: str = ""

    def arguments(self) -> List[str]:
        """Return the command line of `python3 -m idc.converter.convert`."""
        settings, shares = self.settings, self.settings.shares
        options = {
            "--archive": self.archive,
            "--output": self.output,
            "--dataset-digest": self.dataset_digest,
            "--partition": self.partition,
            "--seed": settings.seed,
            "--train-share": shares.train,
            "--validation-share": shares.validation,
            "--test-share": shares.test,
            "--shard-bytes": settings.shard_bytes,
            "--quarantine-limit": settings.quarantine_limit,
            "--edge-patches": settings.edge_patches,
            **({"--formats": ",".join(settings.formats)} if settings.formats else {}),
            **({"--split-sha256": settings.split_sha256} if settings.split_sha256 else {}),
            "--resources": self.resources,
            **({"--rebuild": self.rebuild} if self.rebuild else {}),
        }
        return [text for option, value in options.items() for text in (option, str(value))]


def parse_arguments(arguments: Sequence[str]) -> Conversion:
    """Return the conversion a command line asks for."""
    standard = ConversionSettings()
    parser = argparse.ArgumentParser(
        prog="python3 -m idc.converter.convert", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--archive", required=True, help="the snapshot's archive, s3://…/archive.zip")
    parser.add_argument("--output", required=True, help="the dataset's prefix, s3://…/datasets/<digest>/")
    parser.add_argument("--dataset-digest", required=True, help="the dataset's name: 64 hexadecimal digits")
    parser.add_argument("--partition", required=True, help="the snapshot's partition")
    parser.add_argument("--seed", type=int, default=standard.seed, help="decides split and order")
    parser.add_argument("--train-share", type=float, default=standard.shares.train)
    parser.add_argument("--validation-share", type=float, default=standard.shares.validation)
    parser.add_argument("--test-share", type=float, default=standard.shares.test)
    parser.add_argument("--shard-bytes", type=int, default=standard.shard_bytes, help="a shard's size, about")
    parser.add_argument("--quarantine-limit", type=float, default=standard.quarantine_limit)
    parser.add_argument("--formats", default="", help=f"more formats, some of {','.join(RAW_FORMATS)}")
    parser.add_argument("--edge-patches", choices=EDGE_PATCHES, default=standard.edge_patches)
    parser.add_argument("--split-sha256", default="", help="the digest of a given split, its name in S3")
    parser.add_argument("--resources", default=RESOURCES, help="the file that names the job's instances")
    parser.add_argument("--rebuild", default="", help="write every file again; names the request to do so")
    found = parser.parse_args(arguments)
    settings = ConversionSettings(
        seed=found.seed,
        shares=Shares(found.train_share, found.validation_share, found.test_share),
        shard_bytes=found.shard_bytes,
        quarantine_limit=found.quarantine_limit,
        formats=tuple(name for name in found.formats.split(",") if name),
        edge_patches=found.edge_patches,
        split_sha256=found.split_sha256,
    )
    return Conversion(
        found.archive,
        found.output,
        found.dataset_digest,
        found.partition,
        settings,
        found.resources,
        found.rebuild,
    )


def dataset_digest(snapshot_sha256: str, settings: ConversionSettings, code_digest: str, image: str) -> str:
    """Return the name of the dataset these inputs make: equal inputs, equal bytes."""
    inputs = {
        "snapshot": snapshot_sha256,
        "settings": asdict(settings),
        "code": code_digest,
        "image": image,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _wrong(name: str, observed: object, expected: str) -> ConfigurationError:
    return ConfigurationError("setting", name, observed, expected, "Correct it.")
