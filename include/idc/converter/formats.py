"""Which formats a shard is written in, by which writer, under which keys."""

from __future__ import annotations

from typing import Dict, Protocol, Sequence

from idc.converter import keys
from idc.converter.records.payload import PayloadWriter
from idc.converter.records.raw import RawImageWriter
from idc.converter.records.recordio import Buffer, RecordIOWriter
from idc.converter.records.tfrecord import TFRecordWriter


class Writer(Protocol):
    """Builds one shard in one format, in memory."""

    def append(self, label: int, name: str, image: bytes) -> None:
        """Add one image."""

    def __len__(self) -> int:
        """Return the number of images so far."""

    def files(self) -> Dict[str, Buffer]:
        """Return the shard's files by their suffix (raw images: by their name), once."""


def shard_writers(split: str, raw_formats: Sequence[str]) -> Dict[str, Writer]:
    """Return a new writer for each format of a shard of this split."""
    writers: Dict[str, Writer] = {keys.RECORDIO: RecordIOWriter(), keys.TFRECORD: TFRecordWriter()}
    if split in keys.PAYLOAD_SPLITS:
        writers[keys.PAYLOAD] = PayloadWriter()
    if raw_formats:
        writers[keys.IMAGE] = RawImageWriter()
    return writers


def file_key(record_format: str, split: str, number: int, name: str) -> str:
    """Return the key, below the dataset's prefix, of a file that a writer names."""
    if record_format == keys.IMAGE:
        return keys.image(split, name)
    return keys.shard(split, number, record_format) + name
