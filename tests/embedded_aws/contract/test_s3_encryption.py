"""Objects asked to be encrypted are, whoever names the key, and can be read after a restart."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_aws import LocalAws, wait_until

PARTS = 20 * 2**20  # more than boto3 sends in one request
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"ServerSideEncryption": "aws:kms"}, ("aws:kms", "alias/aws/s3")),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}, ("aws:kms", KEY)),
        ({"ServerSideEncryption": "AES256"}, ("AES256", None)),
    ],
    ids=["kms", "kms-key", "aes256"],
)
def test_an_object_is_encrypted_and_read(
    embedded_aws: LocalAws, asked: dict[str, str], answered: tuple[str, str | None], request: Any
) -> None:
    s3, key = embedded_aws.client("s3"), f"encrypted/{request.node.callspec.id}"
    data = os.urandom(PARTS)
    s3.upload_fileobj(io.BytesIO(data), embedded_aws.bucket, key, ExtraArgs=asked)
    stored = s3.get_object(Bucket=embedded_aws.bucket, Key=key)
    assert (stored["ServerSideEncryption"], stored.get("SSEKMSKeyId")) == answered
    assert stored["Body"].read() == data
    middle = s3.get_object(Bucket=embedded_aws.bucket, Key=key, Range="bytes=9000001-9000100")
    assert middle["Body"].read() == data[9000001:9000101]


def test_a_wrong_signature_stays_wrong(embedded_aws: LocalAws) -> None:
    stranger = embedded_aws.client("s3", aws_secret_access_key="of-somebody-else")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.put_object(
            Bucket=embedded_aws.bucket, Key="refused", Body=b"1", ServerSideEncryption="aws:kms"
        )


@pytest.mark.slow
def test_encrypted_objects_outlive_a_restart_of_everything(fresh_aws: LocalAws) -> None:
    asked = {"a": "aws:kms", "b": "AES256"}
    for key, encryption in asked.items():
        fresh_aws.client("s3").put_object(
            Bucket=fresh_aws.bucket, Key=key, Body=key.encode(), ServerSideEncryption=encryption
        )
    fresh_aws.kill_everything()
    fresh_aws.up()

    def read(key: str) -> bytes | None:
        try:
            return bytes(fresh_aws.client("s3").get_object(Bucket=fresh_aws.bucket, Key=key)["Body"].read())
        except ClientError:
            return None

    for key in asked:
        assert wait_until(lambda key=key: read(key)) == key.encode()
