"""Log streams on disk; CloudWatch Logs is filled from them.

A stream is one file of lines `<milliseconds since the epoch> <message>`; `index.jsonl` names the
streams in the order they were opened, and says which are closed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from embedded_aws.settings import Settings

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"
PROCESSING_GROUP = "/aws/sagemaker/ProcessingJobs"
TRANSFORM_GROUP = "/aws/sagemaker/TransformJobs"
ENDPOINT_GROUP = "/aws/sagemaker/Endpoints"
LARGEST_MESSAGE_BYTES = 262_118  # CloudWatch Logs: 256 KiB an event, 26 of them its own
INDEX = "index.jsonl"


@dataclass(frozen=True)
class StreamName:
    """A CloudWatch log group and the stream in it."""

    group: str
    stream: str

    def file(self, settings: Settings) -> Path:
        """Where the stream's lines are kept."""
        return settings.stream_dir / self.group.strip("/") / f"{self.stream}.log"


class StreamWriter:
    """Appends messages to one stream; every line is on disk before `write` returns."""

    def __init__(self, settings: Settings, name: StreamName) -> None:
        self._index = settings.stream_dir / INDEX
        self._name = name
        path = name.file(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()
        self._announce("open")

    def write(self, message: bytes) -> None:
        """Append a message for each of its lines; one that CloudWatch would not take is cut in pieces."""
        now = str(int(time.time() * 1000)).encode()
        pieces = [
            line[at : at + LARGEST_MESSAGE_BYTES]
            for line in message.split(b"\n")
            for at in range(0, max(len(line), 1), LARGEST_MESSAGE_BYTES)
        ]
        with self._lock:
            self._file.write(b"".join(now + b" " + piece + b"\n" for piece in pieces))

    def close(self) -> None:
        """Say that no more lines come."""
        self._file.close()
        self._announce("closed")

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _announce(self, event: str) -> None:
        line = json.dumps({"event": event, "group": self._name.group, "stream": self._name.stream})
        with self._index.open("ab", buffering=0) as index:
            index.write(line.encode() + b"\n")


class LineReader:
    """Reads complete lines from a growing file, remembering how far it came."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_lines(self) -> list[bytes]:
        """The lines completed since the last call; none while the file is absent."""
        try:
            if os.stat(self._path).st_size == self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        return complete[:-1].split(b"\n") if complete else []


def parse(line: bytes) -> tuple[int, str]:
    """The milliseconds and the message of one line of a stream's file; 0 and all of it if it has no stamp."""
    stamp, _, message = line.partition(b" ")
    if not stamp.isdigit():
        return 0, line.decode("utf-8", "replace")
    return int(stamp), message.decode("utf-8", "replace")
