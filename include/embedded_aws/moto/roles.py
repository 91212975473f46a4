"""Creates the IAM roles of `up` in moto, again at each start of moto."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError

from embedded_aws.errors import SettingError
from embedded_aws.settings import ACCOUNT, Settings, how_to_set
from embedded_aws.wire.credentials import load_or_create

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
DESCRIPTION = "Execution role of the embedded SageMaker"


def ensure(settings: Settings, role: str) -> None:
    """Make the role through the edge, unless it is there.

    Raises:
        SettingError: IAM does not take the name.
    """
    credentials = load_or_create(settings.home)
    iam = boto3.session.Session(
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        region_name=settings.region,
    ).client("iam", endpoint_url=settings.endpoint_url)
    try:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST, Description=DESCRIPTION)
    except iam.exceptions.EntityAlreadyExistsException:
        return
    except ClientError as error:
        raise SettingError(f"Role {role}: {error}. {how_to_set('role')}") from error


def restore(settings: Settings) -> None:
    """Make the roles in the process that serves IAM, before it serves."""
    from moto.iam.models import iam_backends

    backend: Any = iam_backends[ACCOUNT]["aws"]
    for role in settings.role:
        backend.create_role(
            role_name=role,
            assume_role_policy_document=TRUST,
            path="/",
            permissions_boundary=None,
            description=DESCRIPTION,
            tags=[],
            max_session_duration="3600",
        )
