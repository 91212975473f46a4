"""The lines of running jobs' CloudWatch logs that a person who waits wants to see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

import botocore.exceptions

from stack.clients import Clients

GROUPS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs")
LINE_LENGTH = 160
_DIGEST = re.compile(r"\b([0-9a-f]{10})[0-9a-f]{30,}\b")
_NUMBER = re.compile(r"([\w:]+)=(-?[0-9.]+(?:e-?\d+)?)")


class JobLogs:
    """Follows the log streams of every job whose name begins as told."""

    def __init__(self, clients: Clients, since: datetime) -> None:
        """Begin with the lines written after `since`."""
        self._logs = clients.logs
        self._since_ms = int(since.timestamp() * 1000)
        self._tokens: dict[tuple[str, str], str] = {}

    def new_lines(self, job_prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the job's name and a line, for each line written since the last call."""
        for group in GROUPS:
            for stream in self._streams(group, job_prefix):
                for line in self._read(group, stream):
                    yield stream.partition("/")[0], line

    def _streams(self, group: str, prefix: str) -> list[str]:
        try:
            answer = self._logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            return []  # no job of this kind has written yet, or the service restarts: the next call sees it
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    def _read(self, group: str, stream: str) -> Iterator[str]:
        while True:
            token = self._tokens.get((group, stream))
            position = {"nextToken": token} if token else {}
            try:
                answer = self._logs.get_log_events(
                    logGroupName=group,
                    logStreamName=stream,
                    startTime=self._since_ms,
                    startFromHead=True,
                    **position,  # type: ignore[arg-type]
                )
            except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
                return  # as above
            yield from (event["message"].rstrip() for event in answer["events"])
            self._tokens[group, stream] = answer["nextForwardToken"]
            if not answer["events"] or answer["nextForwardToken"] == token:
                return


def in_words(line: str) -> str:
    """Return a job's log line as a person reads it: epochs and JSON events in words, others shortened."""
    if line.startswith("epoch="):
        return _epoch(dict(_NUMBER.findall(line)))
    if line.startswith("{"):
        return _event(line)
    return _shortened(line)


def _epoch(values: dict[str, str]) -> str:
    named = {
        "training loss": values.get("train:loss"),
        "validation accuracy": values.get("validation:accuracy"),
        "images per second": values.get("images_per_second"),
    }
    return f"epoch {values['epoch']}: " + ", ".join(
        f"{name} {value}" for name, value in named.items() if value
    )


def _event(line: str) -> str:
    try:
        values = json.loads(line)
    except ValueError:
        return _shortened(line)
    event = values.pop("event", "")
    shown = [
        f"{key} {value}"
        for key, value in values.items()
        if key != "time" and not isinstance(value, dict | list)
    ]
    return _shortened(": ".join(part for part in (str(event), ", ".join(shown)) if part))


def _shortened(line: str) -> str:
    line = _DIGEST.sub(r"\1…", line)
    return line if len(line) <= LINE_LENGTH else line[: LINE_LENGTH - 1] + "…"
