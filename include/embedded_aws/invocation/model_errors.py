"""Turns errors of an instance into ModelError responses."""

from __future__ import annotations

from urllib.parse import quote

from embedded_aws.cloudwatch.logs import ENDPOINT_GROUP
from embedded_aws.endpoints.workers import Worker
from embedded_aws.settings import ACCOUNT, Settings
from embedded_aws.wire.faults import ModelError

LONGEST_ORIGINAL_MESSAGE = 4096
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


def model_error(settings: Settings, worker: Worker, status: int, message: str) -> ModelError:
    """The service's ModelError for an instance's error; the status is 0 if there was no answer."""
    region = settings.region
    message = message[:LONGEST_ORIGINAL_MESSAGE]
    group = f"{ENDPOINT_GROUP}/{worker.endpoint}"
    side = "client" if 400 <= status < 500 else "server"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group="
    return ModelError(
        f'Received {side} error ({status}) from primary with message "{message}". '
        f"See {console}{quote(group)} in account {ACCOUNT} for more information.",
        ErrorCode="CLIENT_ERROR_FROM_MODEL" if side == "client" else "INTERNAL_FAILURE_FROM_MODEL",
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}",
    )
