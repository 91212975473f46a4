"""Copies the metrics of training jobs from the store into moto's CloudWatch.

These are the algorithm metrics that SageMaker publishes under the job's name. Moto forgets them at a
restart; then all are copied again.
"""

from __future__ import annotations

import datetime
import sqlite3
import threading
import traceback
from typing import Any

from embedded_aws.settings import ACCOUNT, Settings
from embedded_aws.store.resources import Store

NAMESPACE = "/aws/sagemaker/TrainingJobs"
PERIOD_S = 0.5


def start(settings: Settings) -> None:
    """Put back all values there are, then follow new ones in the background."""
    feed = MetricFeed(settings)
    feed.advance()
    threading.Thread(target=_follow, args=(feed,), name="metric-feed", daemon=True).start()


def _follow(feed: MetricFeed) -> None:
    pause = threading.Event()
    while not pause.wait(PERIOD_S):
        try:
            feed.advance()
        except sqlite3.Error:
            traceback.print_exc()  # the store is busy or being reset: the next look may go well


class MetricFeed:
    """Moves new rows of the metric table into moto's backend."""

    def __init__(self, settings: Settings) -> None:
        from moto.cloudwatch.models import cloudwatch_backends

        self._backend: Any = cloudwatch_backends[ACCOUNT][settings.region]
        self._store = Store(settings.database)
        self._last = 0

    def advance(self) -> None:
        """Take in the values found since the last call."""
        query = "SELECT rowid, arn, name, timestamp, value FROM metric WHERE rowid > ? ORDER BY rowid"
        rows = self._store.query(query, (self._last,))
        if rows:
            self._last = rows[-1][0]
            self._backend.put_metric_data(NAMESPACE, [_datum(*row[1:]) for row in rows])


def _datum(arn: str, name: str, timestamp: float, value: float) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "TrainingJobName", "Value": arn.rpartition("/")[2]}],
        "Timestamp": datetime.datetime.fromtimestamp(timestamp, datetime.UTC).replace(tzinfo=None),
        "Value": value,
        "Unit": "None",
    }
