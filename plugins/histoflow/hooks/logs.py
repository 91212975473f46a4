"""The end of what a container wrote, from CloudWatch Logs."""

from __future__ import annotations

from histoflow.hooks.aws import AwsHook, aws_errors
from idc.errors import HistoflowError

LINES = 60
NEWEST = {"orderBy": "LastEventTime", "descending": True, "limit": 1}


class LogsHook(AwsHook):
    """Reads log streams as SageMaker's containers leave them."""

    def __init__(self, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None) -> None:
        """Use the connection `aws_conn_id`, in `region_name` unless the environment says which."""
        super().__init__("logs", aws_conn_id=aws_conn_id, region_name=region_name)

    def tail(self, log_group: str, stream_prefix: str | None) -> list[str]:
        """Return the last lines of each stream whose name begins with `stream_prefix`, or of the newest.

        Raises:
            RequestRejected: there is no such group.
            ServiceError: CloudWatch Logs could not be reached.
        """
        lines: list[str] = []
        with aws_errors("log group", log_group):
            choice = {"logStreamNamePrefix": stream_prefix} if stream_prefix else NEWEST
            found = self.api.describe_log_streams(logGroupName=log_group, **choice)
            for name in (stream["logStreamName"] for stream in found["logStreams"]):
                events = self.api.get_log_events(
                    logGroupName=log_group, logStreamName=name, limit=LINES, startFromHead=False
                )["events"]
                lines.append(f"{log_group} {name}, the last {len(events)} lines:")
                lines.extend(f"  {event['message'].rstrip()}" for event in events)
        return lines

    def print_tail(self, log_group: str, stream_prefix: str | None = None) -> None:
        """Write `tail` to the task's log; a log that cannot be read undoes no work, so that is only said."""
        try:
            for line in self.tail(log_group, stream_prefix):
                self.log.info("%s", line)
        except HistoflowError as error:
            self.log.warning("%s", error)
