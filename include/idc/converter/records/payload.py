"""Payload shards: RecordIO whose records are encoded images and nothing else, what batch transform reads.

With SplitType=RecordIO and BatchStrategy=SingleRecord SageMaker sends each record's payload as one request.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

from typing import Dict, Iterator, Mapping

from idc.converter.records.recordio import RECORDS, Buffer, Framing, corrupt, unframe

SUFFIXES = (RECORDS,)


class PayloadWriter:
    """Builds one shard in memory; labels and names are those of the RecordIO shard of the same number."""

    def __init__(self) -> None:
        """Start an empty shard."""
        self._records = Framing()

    def __len__(self) -> int:
        """Return the number of records so far."""
        return len(self._records)

    def append(self, label: int, name: str, image: bytes) -> None:  # noqa: ARG002
        """Add one image; its label and name do not travel."""
        self._records.append(b"", image)

    def files(self) -> Dict[str, Buffer]:
        """Return the shard's files by their suffix; the writer is empty and of no use afterwards."""
        return {RECORDS: self._records.join()[0]}


def read_payloads(shard: Buffer, name: str) -> Iterator[bytes]:
    """Yield the image of every record of a shard; `name` is for errors.

    Raises:
        CorruptShard: the bytes are not whole records.
    """
    view = memoryview(shard)
    offset = 0
    while offset < len(view):
        payload, offset = unframe(view, offset, name)
        yield payload


def verify(files: Mapping[str, Buffer], name: str, records: int) -> None:
    """Check that a shard is whole records, and their number.

    Raises:
        CorruptShard: names the shard and what is wrong.
    """
    seen = sum(1 for _ in read_payloads(files[RECORDS], name))
    if seen != records:
        raise corrupt(name, f"{seen} records", f"{records}")
