"""Input channel of a job: a source, and the mode (File, FastFile, Pipe) of its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded_aws.jobs import input_sources
from embedded_aws.jobs.input_sources import Piece, Share, Source
from embedded_aws.jobs.pipe import Feeder, stream
from embedded_aws.s3 import transfer
from embedded_aws.s3.transfer import Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PIPE, GZIP, RECORDIO = "Pipe", "Gzip", "RecordIO"


@dataclass(frozen=True)
class Channel:
    """One input of a job; compression and wrapping matter in Pipe mode only, as on the service."""

    source: Source
    mode: str = "File"
    is_gzip: bool = False
    is_wrapped: bool = False

    @classmethod
    def of_training(cls, channel: dict[str, Any], default_mode: str) -> Channel:
        """An entry of a training job's InputDataConfig."""
        data = channel["DataSource"]["S3DataSource"]
        source = Source(
            Location.parse(data["S3Uri"]),
            data["S3DataType"],
            data.get("S3DataDistributionType") == input_sources.SHARDED,
            tuple(data.get("AttributeNames", ())),
            channel.get("ShuffleConfig", {}).get("Seed"),
        )
        return cls(
            source,
            channel.get("InputMode", default_mode),
            channel.get("CompressionType") == GZIP,
            channel.get("RecordWrapperType") == RECORDIO,
        )

    @classmethod
    def of_processing(cls, item: dict[str, Any]) -> Channel:
        """The S3Input of a processing job's input."""
        source = Source(
            Location.parse(item["S3Uri"]),
            item.get("S3DataType", input_sources.S3_PREFIX),
            item.get("S3DataDistributionType") == input_sources.SHARDED,
        )
        return cls(source, item.get("S3InputMode", "File"), item.get("S3CompressionType") == GZIP)

    def deliver(self, s3: S3Client, target: Path, share: Share) -> list[Feeder]:
        """Bring an instance's share to its directory, or begin to feed it to pipes beside that.

        Raises:
            DownloadError: the source does not hold what it must, or S3 refuses.
        """
        if self.mode == PIPE:
            entries = input_sources.pieces(s3, self.source)
            return [Feeder(target, lambda epoch: self._stream(s3, entries, epoch, share))]
        bucket, files = input_sources.objects(s3, self.source)
        target.mkdir(parents=True, exist_ok=True)
        transfer.download(s3, bucket, self.source.of_epoch(files, 0, share), target)
        return []

    def _stream(
        self, s3: S3Client, entries: list[tuple[Piece, ...]], epoch: int, share: Share
    ) -> Iterator[bytes]:
        return stream(s3, self.source.of_epoch(entries, epoch, share), self.is_gzip, self.is_wrapped)
