"""The operators that write a report and link to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from histoflow.links import DatasetReportLink, HistoryLink, MonitoringLink

if TYPE_CHECKING:
    from airflow.sdk import Context


class DatasetReportOperator(BaseOperator):
    """Writes the report of a dataset unless it has one; returns where it is."""

    template_fields: Sequence[str] = ("dataset_digest",)
    operator_extra_links = (DatasetReportLink(),)

    def __init__(self, *, dataset_digest: str, **kwargs: Any) -> None:
        """Report on the dataset of this digest."""
        super().__init__(**kwargs)
        self.dataset_digest = dataset_digest

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Write the report from what is in the bucket."""
        from histoflow import runs
        from idc.evaluate.report import stage

        return stage.run(runs.store(), dataset_digest=self.dataset_digest)


class HistoryReportOperator(BaseOperator):
    """Writes the page on all partitions; returns where it is."""

    operator_extra_links = (HistoryLink(),)

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Write the page from what is in the bucket."""
        from histoflow import runs
        from idc.history import stage

        return stage.run(runs.store())


class MonitoringReportOperator(BaseOperator):
    """Writes the monitoring report up to a day; returns the figures that decide."""

    template_fields: Sequence[str] = ("day",)
    operator_extra_links = (MonitoringLink(),)

    def __init__(self, *, day: str, **kwargs: Any) -> None:
        """Report on the days up to `day`, such as `2026-11-24`."""
        super().__init__(**kwargs)
        self.day = day

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Write figures and report from what is in the bucket."""
        from histoflow import monitoring

        return monitoring.report(self.day)
