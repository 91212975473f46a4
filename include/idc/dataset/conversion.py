"""What a conversion is asked to do: its settings, its digest, and both as the job's arguments.

This module imports nothing heavy: Airflow asks it for a dataset's digest before there is a job.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import List, Sequence

from idc.dataset.split import Shares
from idc.errors import ConfigurationError

_LARGEST_SHARD = 256 << 20


@dataclass(frozen=True)
class ConversionSettings:
    """All that decides what the shards of a snapshot hold."""

    seed: int = 7
    shares: Shares = field(default_factory=Shares)
    shard_bytes: int = 32 << 20
    quarantine_limit: float = 0.001

    def __post_init__(self) -> None:
        """Refuse settings out of range.

        Raises:
            ConfigurationError: names the setting.
        """
        if not 1 << 10 <= self.shard_bytes <= _LARGEST_SHARD:
            expected = f"1024 to {_LARGEST_SHARD} bytes"
            raise ConfigurationError("setting", "shard_bytes", self.shard_bytes, expected, "Correct it.")
        if not 0 <= self.quarantine_limit <= 1:
            raise ConfigurationError(
                "setting", "quarantine_limit", self.quarantine_limit, "0 to 1", "Correct it."
            )


@dataclass(frozen=True)
class Conversion:
    """One conversion: a snapshot's archive to the dataset of this digest, below `output`."""

    archive: str
    output: str
    dataset_digest: str
    partition: str
    settings: ConversionSettings

    def arguments(self) -> List[str]:
        """Return the command line of `python3 -m idc.dataset.convert`."""
        shares = self.settings.shares
        options = {
            "--archive": self.archive,
            "--output": self.output,
            "--dataset-digest": self.dataset_digest,
            "--partition": self.partition,
            "--seed": self.settings.seed,
            "--train-share": shares.train,
            "--validation-share": shares.validation,
            "--test-share": shares.test,
            "--shard-bytes": self.settings.shard_bytes,
            "--quarantine-limit": self.settings.quarantine_limit,
        }
        return [text for option, value in options.items() for text in (option, str(value))]


def parse_arguments(arguments: Sequence[str]) -> Conversion:
    """Return the conversion a command line asks for."""
    standard = ConversionSettings()
    parser = argparse.ArgumentParser(
        prog="python3 -m idc.dataset.convert", description=__doc__.splitlines()[0]
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
    found = parser.parse_args(arguments)
    shares = Shares(found.train_share, found.validation_share, found.test_share)
    settings = ConversionSettings(found.seed, shares, found.shard_bytes, found.quarantine_limit)
    return Conversion(found.archive, found.output, found.dataset_digest, found.partition, settings)


def dataset_digest(snapshot_sha256: str, settings: ConversionSettings, code_digest: str, image: str) -> str:
    """Return the name of the dataset these inputs make: equal inputs, equal bytes."""
    inputs = {
        "snapshot": snapshot_sha256,
        "settings": asdict(settings),
        "code": code_digest,
        "image": image,
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
