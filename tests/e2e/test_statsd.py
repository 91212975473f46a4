"""Airflow's metrics by StatsD: what its settings say is enough."""

from __future__ import annotations

import pytest
from collector import Statsd
from local_aws import wait_until
from workshop import Workshop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_metrics_reach_a_listener(house: Workshop, statsd: Statsd) -> None:
    wait_until(lambda: {"airflow.scheduler_heartbeat", "airflow.dagbag_size"} <= set(statsd.received), 120, 1)

    assert statsd.received["airflow.scheduler_heartbeat"].endswith("|c")
