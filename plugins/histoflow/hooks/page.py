"""AWS for a page somebody waits for: rather an error soon than an answer late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from histoflow.hooks.aws import AwsHook, aws_errors, is_not_found

CONNECTIONS = 16
QUICK = Config(
    retries={"mode": "standard", "max_attempts": 3},
    connect_timeout=3,
    read_timeout=20,
    max_pool_connections=CONNECTIONS,
)


class PageHook(AwsHook):
    """A client that gives up soon."""

    @property
    def config(self) -> Config:
        """The client's configuration, quick before patient; what the connection says wins."""
        merged: Config = QUICK.merge(super(AwsHook, self).config)
        return merged


def found(call: Callable[..., Any], what: str, which: str, **request: Any) -> dict[str, Any] | None:
    """Return the answer to a call about `what` `which`, None where AWS says that there is none.

    Raises:
        RequestRejected: AWS refused the request.
        ServiceError: AWS could not be reached.
    """
    with aws_errors(what, which):
        try:
            answer: dict[str, Any] = call(**request)
        except ClientError as error:
            if is_not_found(error):
                return None
            raise
    return answer
