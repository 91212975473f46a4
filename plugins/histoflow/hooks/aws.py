"""AWS clients that retry, and AWS errors as errors of this product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from idc.aws_errors import TASK, Meaning, code_of, meaning
from idc.errors import ConfigurationError, HistoflowError, RequestRejected, ServiceError


class AwsHook(AwsBaseHook):
    """A boto3 client from an Airflow connection; botocore decides where it sends its requests."""

    policy: ClassVar[Config] = TASK

    def __init__(
        self, service: str, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None
    ) -> None:
        """Prepare a client of `service`, as boto3 names it."""
        super().__init__(aws_conn_id=aws_conn_id, region_name=region_name, client_type=service)

    @property
    def config(self) -> Config:
        """The client's configuration; what the connection says wins."""
        merged: Config = self.policy.merge(super().config)
        return merged

    @property
    def api(self) -> Any:
        """The boto3 client."""
        return self.conn

    async def async_api(self) -> Any:
        """Return an asynchronous client, to be entered with `async with`."""
        return await self.get_async_conn()  # type: ignore[no-untyped-call]


def client(service: str) -> Any:
    """Return a boto3 client of `service` from the connection `aws_default` and the environment."""
    return AwsHook(service).api


@contextmanager
def aws_errors(what: str, which: str) -> Iterator[None]:
    """Translate AWS errors raised within into errors about `what` `which`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translated(error, what, which) from error


def translated(error: ClientError | BotoCoreError, what: str, which: str) -> HistoflowError:
    """Return `error` as an error of this product, whose class says whether a retry can help."""
    observed = str(error)
    if isinstance(error, ClientError):
        observed = f"{code_of(error)}: {error.response['Error']['Message']}"
    match meaning(error):
        case Meaning.TRANSIENT:
            return ServiceError(what, which, observed, "an answer from AWS", "Retry later.")
        case Meaning.UNSENDABLE:
            return ConfigurationError(what, which, observed, "a request that can be sent", "Correct it.")
    return RequestRejected(what, which, observed, "a request AWS accepts", "Correct it.")
