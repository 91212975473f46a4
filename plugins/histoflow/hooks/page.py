"""AWS clients for pages: they give up soon, because a person waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from histoflow.hooks.aws import AwsHook, aws_errors
from idc.aws_errors import PAGE, Meaning, meaning


class PageHook(AwsHook):
    """A client that gives up soon."""

    policy = PAGE


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
            if meaning(error) is Meaning.ABSENT:
                return None
            raise
    return answer
