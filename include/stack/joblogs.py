"""How far running jobs have come, read from their CloudWatch logs; all other lines are left there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import botocore.exceptions

from stack.clients import Clients

GROUPS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs")

# The training scripts' line: `epoch=3 … validation:accuracy=0.8205 … images_per_second=812.4`.
_SCRIPT = re.compile(r"^epoch=(?P<epoch>\d+) ")
_SCRIPT_FIGURE = re.compile(r"([\w:]+)=(\d+(?:\.\d+)?)")
# The built-in algorithm's lines; it counts epochs from 0.
_BUILTIN = re.compile(r"Epoch\[(?P<epoch>\d+)\] Validation-accuracy=(?P<accuracy>\d\.\d+)")
_BUILTIN_SPEED = re.compile(r"Speed: (\d+\.\d+) samples/sec")


@dataclass(frozen=True)
class Step:
    """What a job has done so far: `done` of `total` epochs or patches, and the figures of the last epoch."""

    unit: str
    done: int
    total: int | None
    accuracy: float | None = None
    images_per_s: float | None = None

    @property
    def result(self) -> str:
        """The step in words, such as `epoch 12 of 48, accuracy 0.820`."""
        counted = f"{self.unit} {self.done}" + (f" of {self.total}" if self.total else "")
        return counted + (f", accuracy {self.accuracy:.3f}" if self.accuracy is not None else "")

    def __str__(self) -> str:
        """Return the step in words, with its rate."""
        return self.result + (f", {self.images_per_s:,.0f} images/s" if self.images_per_s else "")


class JobLogs:
    """Follows the log streams of every job whose name begins as told."""

    def __init__(self, clients: Clients, since: datetime) -> None:
        """Begin with the lines written after `since`."""
        self._clients = clients
        self._since_ms = int(since.timestamp() * 1000)
        self._tokens: dict[tuple[str, str], str] = {}
        self._epochs: dict[str, int | None] = {}
        self._speeds: dict[str, float] = {}

    def new_steps(self, job_prefix: str) -> dict[str, Step]:
        """Return the latest step of each job that has made one since the last call, by the job's name."""
        steps: dict[str, Step] = {}
        for job, line in self.new_lines(job_prefix):
            if step := self._step(job, line):
                steps[job] = step
        return steps

    def new_lines(self, job_prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the job's name and a line, for each line written since the last call."""
        for group in GROUPS:
            for stream in self._streams(group, job_prefix):
                for line in self._read(group, stream):
                    yield stream.partition("/")[0], line

    def _step(self, job: str, line: str) -> Step | None:
        """Return the step that a line tells of, or None."""
        if rate := _BUILTIN_SPEED.search(line):
            self._speeds[job] = float(rate[1])
        if found := _BUILTIN.search(line):
            done, total, accuracy = int(found["epoch"]) + 1, self._total_epochs(job), float(found["accuracy"])
            return Step("epoch", done, total, accuracy, self._speeds.get(job))
        if found := _SCRIPT.match(line):
            values = {name: float(value) for name, value in _SCRIPT_FIGURE.findall(line)}
            done, total = int(found["epoch"]), self._total_epochs(job)
            return Step(
                "epoch", done, total, values.get("validation:accuracy"), values.get("images_per_second")
            )
        return _converted(line)

    def _total_epochs(self, job: str) -> int | None:
        """Return how many epochs a training job was asked for, if it says so."""
        if job not in self._epochs:
            try:
                request = self._clients.sagemaker.describe_training_job(TrainingJobName=job)
            except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
                return None  # the service restarts: the next step asks again
            asked = request.get("HyperParameters", {}).get("epochs", "").strip('"')
            self._epochs[job] = int(asked) if asked.isdigit() else None
        return self._epochs[job]

    def _streams(self, group: str, prefix: str) -> list[str]:
        try:
            answer = self._clients.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            return []  # no job of this kind has written yet, or the service restarts: the next call sees it
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    def _read(self, group: str, stream: str) -> Iterator[str]:
        while True:
            token = self._tokens.get((group, stream))
            position = {"nextToken": token} if token else {}
            try:
                answer = self._clients.logs.get_log_events(
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


def _converted(line: str) -> Step | None:
    """Return the patches that the converter has written, from its JSON event of a finished shard."""
    try:
        done, _, total = json.loads(line)["patches"].partition(" of ")
        return Step("patch", int(done), int(total))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
