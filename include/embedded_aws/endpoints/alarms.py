"""Reads the states of the CloudWatch alarms that roll a deployment back."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.errors import AlarmsUnknown
from embedded_aws.settings import HOST, Settings
from embedded_aws.supervision.ports import Ports
from embedded_aws.wire.credentials import load_or_create

TIMEOUT_S = 2


class Alarms:
    """Asks for the states of alarms; the client is made when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def raised(self, names: list[str]) -> list[str]:
        """Those of the alarms that are in state ALARM.

        Raises:
            AlarmsUnknown: moto cannot be asked just now.
        """
        try:
            alarms = self._client.describe_alarms(AlarmNames=names)["MetricAlarms"]
        except (BotoCoreError, ClientError) as error:
            raise AlarmsUnknown(
                f"CloudWatch alarms {', '.join(names)}: {error}, expected a state."
            ) from error
        return sorted(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM")

    @cached_property
    def _client(self) -> Any:
        credentials = load_or_create(self._settings.home)
        return boto3.session.Session().client(
            "cloudwatch",
            endpoint_url=f"http://{HOST}:{Ports.of(self._settings).moto}",
            region_name=self._settings.region,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            config=Config(connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"max_attempts": 0}),
        )
