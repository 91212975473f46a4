"""Read container logs from CloudWatch Logs: the end of a stream, or each line once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from histoflow.hooks.aws import AwsHook, aws_errors
from histoflow.positions import LONGEST_LINE, LogPosition
from idc.errors import HistoflowError

LINES = 60
NEWEST = {"orderBy": "LastEventTime", "descending": True, "limit": 1}
_BORN = re.compile(r"-\d{6,}$")  # the time at which the container began, at the end of a stream's name


class LogsHook(AwsHook):
    """Reads the log streams of SageMaker's containers."""

    def __init__(self, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None) -> None:
        """Use the connection `aws_conn_id`, in `region_name` unless the environment says which."""
        super().__init__("logs", aws_conn_id=aws_conn_id, region_name=region_name)

    def new_lines(self, log_group: str, position: LogPosition) -> tuple[list[str], LogPosition]:
        """Return the job's lines after `position`, and the position behind them.

        Raises:
            RequestRejected: there is no such group; the first line of a log creates it.
            ServiceError: CloudWatch Logs could not be reached.
        """
        lines: list[str] = []
        behind = LogPosition.of(position.job, position.to_dict())
        with aws_errors("log group", log_group):
            streams = self._streams(log_group, logStreamNamePrefix=f"{position.job}/")
            for stream in streams:
                label = f"[{_container(stream)}] " if len(streams) > 1 else ""
                for event in self._events(log_group, stream, behind.start_ms(stream)):
                    if behind.is_full:
                        break
                    if behind.takes(stream, event["timestamp"]):
                        lines.append(label + event["message"].rstrip()[:LONGEST_LINE])
        return lines, behind

    def print_new(self, log_group: str, position: LogPosition) -> LogPosition:
        """Write new lines to the task's log; return the position behind them.

        An error does not fail the task: the next call reads the same lines.
        """
        try:
            lines, behind = self.new_lines(log_group, position)
        except HistoflowError as error:
            self.log.debug("%s", error)
            return position
        for line in lines:
            self.log.info("%s", line)
        return behind

    def tail(self, log_group: str, stream_prefix: str | None) -> list[str]:
        """Return the last lines of each stream whose name begins with `stream_prefix`, or of the newest.

        Raises:
            RequestRejected: there is no such group.
            ServiceError: CloudWatch Logs could not be reached.
        """
        lines: list[str] = []
        with aws_errors("log group", log_group):
            choice = {"logStreamNamePrefix": stream_prefix} if stream_prefix else NEWEST
            for name in self._streams(log_group, **choice):
                events = self.api.get_log_events(
                    logGroupName=log_group, logStreamName=name, limit=LINES, startFromHead=False
                )["events"]
                lines.append(f"{log_group} {name}, the last {len(events)} lines:")
                lines.extend(f"  {event['message'].rstrip()[:LONGEST_LINE]}" for event in events)
        return lines

    def print_tail(self, log_group: str, stream_prefix: str | None = None) -> None:
        """Write `tail` to the task's log; an error is logged and does not fail the task."""
        try:
            for line in self.tail(log_group, stream_prefix):
                self.log.info("%s", line)
        except HistoflowError as error:
            self.log.warning("%s", error)

    def _streams(self, log_group: str, **choice: Any) -> list[str]:
        found = self.api.describe_log_streams(logGroupName=log_group, **choice)
        return [stream["logStreamName"] for stream in found["logStreams"]]

    def _events(self, log_group: str, stream: str, start_ms: int) -> Iterator[dict[str, Any]]:
        """Yield a stream's events from `start_ms` on; the last page repeats its token."""
        options: dict[str, Any] = {"startTime": start_ms} if start_ms else {}
        token = ""
        while True:
            page = self.api.get_log_events(
                logGroupName=log_group, logStreamName=stream, startFromHead=True, **options
            )
            yield from page["events"]
            if page["nextForwardToken"] == token or not page["events"]:
                return
            token = options["nextToken"] = page["nextForwardToken"]


def _container(stream: str) -> str:
    """Return which container of a job wrote a stream: `algo-1` of `job/algo-1-1700000000`."""
    return _BORN.sub("", stream.rpartition("/")[2])
