"""Mirrors directories that containers write to, to a prefix in S3."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.s3 import transfer
from embedded_aws.s3.transfer import PARALLEL, Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PERIOD_S = 1.0
_Version = tuple[int, int]


class Mirror:
    """Uploads what appears or changes below some directories, until closed; deletes nothing.

    A file that still grows waits: it is uploaded once two looks at it agree, and at the end.
    """

    def __init__(self, s3: S3Client, directories: Sequence[Path], prefix: Location) -> None:
        self._s3 = s3
        self._directories = list(directories)
        self._prefix = prefix
        self._seen: dict[Path, _Version] = {}
        self._uploaded: dict[Path, _Version] = {}
        for directory in self._directories:
            for _, path in transfer.files_below(directory):
                self._uploaded[path] = _version(path)  # it came from there
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"mirror {prefix}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Upload what is missing and end; raises what S3 refuses now."""
        self._closing.set()
        self._thread.join()
        self._advance(is_last=True)

    def _follow(self) -> None:
        while not self._closing.wait(PERIOD_S):
            try:
                self._advance(is_last=False)
            except (BotoCoreError, ClientError, S3UploadFailedError, OSError):
                traceback.print_exc()  # a file vanished or S3 is away: the next look may go well

    def _advance(self, is_last: bool) -> None:
        due: list[tuple[str, Path, _Version]] = []
        for directory in self._directories:
            for name, path in transfer.files_below(directory):
                version = _version(path)
                is_settled = is_last or self._seen.get(path) == version
                if is_settled and self._uploaded.get(path) != version:
                    due.append((name, path, version))
                self._seen[path] = version
        if not due:
            return
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(self._upload, due))

    def _upload(self, file: tuple[str, Path, _Version]) -> None:
        name, path, version = file
        transfer.upload(self._s3, path, self._prefix.below(name))
        self._uploaded[path] = version


def _version(path: Path) -> _Version:
    status = path.stat()
    return status.st_mtime_ns, status.st_size
