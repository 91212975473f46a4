"""The AWS clients that read the results of a demo, from the embedded AWS or from Amazon's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions

from stack import aws
from stack.settings import StackSettings

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

MISSING = ("NoSuchKey", "404", "NoSuchBucket")


@dataclass(frozen=True)
class Clients:
    """One client per service, and the bucket everything is in."""

    s3: S3Client
    logs: CloudWatchLogsClient
    sagemaker: SageMakerClient
    bucket: str

    def keys_below(self, prefix: str) -> list[str]:
        """Return the names directly below a prefix, folders without their slash."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, Delimiter="/"
        )
        found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
        return [key.removeprefix(prefix).rstrip("/") for key in found]

    def read_text(self, key: str) -> str | None:
        """Return an object's text, or None if there is none."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise

    def read_json(self, key: str) -> dict[str, Any] | None:
        """Return an object's JSON, or None if there is none."""
        text = self.read_text(key)
        return None if text is None else json.loads(text)

    def written_at(self, key: str) -> datetime | None:
        """Return when an object was written, or None if there is none."""
        try:
            return self.s3.head_object(Bucket=self.bucket, Key=key)["LastModified"]
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise


def connect(settings: StackSettings) -> Clients:
    """Return clients of the AWS this stack uses."""
    variables = aws.client_environment(settings) if settings.aws == "embedded" else {}
    return Clients(
        s3=_client("s3", settings, variables),
        logs=_client("logs", settings, variables),
        sagemaker=_client("sagemaker", settings, variables),
        bucket=settings.bucket,
    )


def _client(service: Any, settings: StackSettings, variables: Mapping[str, str]) -> Any:
    """Return a client configured by these variables only; without any, boto3 finds its own."""
    if not variables:
        return boto3.client(service, region_name=settings.region)
    endpoint = variables.get(f"AWS_ENDPOINT_URL_{service.upper()}") or variables["AWS_ENDPOINT_URL"]
    return boto3.client(
        service,
        region_name=variables["AWS_DEFAULT_REGION"],
        endpoint_url=endpoint,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
