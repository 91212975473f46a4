"""A job's log as CloudWatch Logs has it: the end of a stream, and then only what is new."""

from __future__ import annotations

from typing import Any

from histoflow.hooks.aws import aws_errors
from histoflow.hooks.page import found
from idc.jobs.spec import JobKind

LINES = 1000
STREAMS = 50


def read(api: Any, kind: JobKind, name: str, stream: str, token: str) -> dict[str, Any]:
    """Return the last lines of one of a job's streams, or those after `token`, and where to go on.

    `{"group", "streams": […], "stream", "lines": [[milliseconds since the epoch, text], …], "token"}`.
    Without `stream` it is the first one. A job that has written nothing has no streams.

    Raises:
        RequestRejected: CloudWatch Logs refused the request.
        ServiceError: it could not be reached.
    """
    group = kind.log_group
    streams = [stream] if token else _streams(api, kind, name)
    chosen = stream if stream in streams else next(iter(streams), "")
    if not chosen.startswith(_prefix(kind, name)):
        return {"group": group, "streams": [], "stream": "", "lines": [], "token": ""}
    place = {"nextToken": token} if token else {"limit": LINES}
    with aws_errors("log stream", chosen):
        answer = api.get_log_events(
            logGroupName=group, logStreamName=chosen, startFromHead=bool(token), **place
        )
    return {
        "group": group,
        "streams": streams,
        "stream": chosen,
        "lines": [[event["timestamp"], event["message"].rstrip("\n")] for event in answer["events"]],
        "token": answer.get("nextForwardToken", ""),
    }


def _prefix(kind: JobKind, name: str) -> str:
    """Return how a job's streams begin; a tuning job's are those of its training jobs."""
    return f"{name}-" if kind is JobKind.TUNING else f"{name}/"


def _streams(api: Any, kind: JobKind, name: str) -> list[str]:
    request = {"logGroupName": kind.log_group, "logStreamNamePrefix": _prefix(kind, name), "limit": STREAMS}
    answer = found(api.describe_log_streams, "log group", kind.log_group, **request)
    return [one["logStreamName"] for one in answer["logStreams"]] if answer else []
