"""Parity: a shard's patches, their order and their labels are the same in every format."""

from __future__ import annotations

import itertools
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional

from idc.converter.records import payload, recordio, tfrecord
from idc.converter.records.raw import read_rows
from idc.converter.records.recordio import Buffer, corrupt


class Patch(NamedTuple):
    """One patch as a format has it; a payload shard knows neither label nor name."""

    image: bytes
    label: Optional[int] = None
    name: Optional[str] = None


def read_patches(shard: Mapping[str, Buffer], name: str) -> Iterator[Patch]:
    """Yield the patches of a RecordIO shard, its files by their suffix; `name` is for errors.

    Raises:
        CorruptShard: the shard is damaged, or its list is not that of its records.
    """
    records = recordio.read_records(shard[recordio.RECORDS], name)
    for record, row in itertools.zip_longest(records, read_rows(shard, name)):
        if record is None or row is None or record.label != row[0]:
            observed = f"{'no record' if record is None else f'label {record.label}'} at {row or 'the end'}"
            raise corrupt(name, observed, "a record with this label for every line of the list")
        yield Patch(record.image, record.label, row[1])


def check_tfrecord(shard: Mapping[str, Buffer], other: Mapping[str, Buffer], name: str) -> int:
    """Compare the TFRecord shard `other` with its RecordIO shard; return the number of patches.

    Raises:
        CorruptShard: names the shard and the first patch that differs, or what is damaged.
    """
    examples = tfrecord.read_examples(other[tfrecord.EXAMPLES], name)
    found = (Patch(example.image, example.label, example.name) for example in examples)
    return _compare(read_patches(shard, name), found, name)


def check_payload(shard: Mapping[str, Buffer], other: Mapping[str, Buffer], name: str) -> int:
    """Compare the payload shard `other` with its RecordIO shard; return the number of patches.

    Raises:
        CorruptShard: names the shard and the first patch that differs, or what is damaged.
    """
    ours = (Patch(patch.image) for patch in read_patches(shard, name))
    return _compare(ours, map(Patch, payload.read_payloads(other[recordio.RECORDS], name)), name)


def _compare(ours: Iterable[Patch], found: Iterable[Patch], name: str) -> int:
    count = 0
    for expected, observed in itertools.zip_longest(ours, found):
        if expected != observed:
            raise corrupt(name, f"{_shown(observed)} as patch {count}", f"{_shown(expected)} as in RecordIO")
        count += 1
    return count


def _shown(patch: Optional[Patch]) -> str:
    if patch is None:
        return "none"
    known = f"{patch.name} of label {patch.label}" if patch.name else "an image"
    return f"{known}, {len(patch.image)} bytes"
