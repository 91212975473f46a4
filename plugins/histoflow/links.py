"""Buttons on tasks in the Airflow UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from histoflow.pages import PREFIX
from idc import layout

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class DatasetReportLink(BaseOperatorLink):
    """Opens the report of the dataset that the task's `dataset_digest` names."""

    name = "Dataset report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers."""
        return _address(layout.report(operator.dataset_digest))  # type: ignore[attr-defined]


class TuningLink(BaseOperatorLink):
    """Opens the page on the task's `tuning_job`; there is no button before there is one."""

    name = "Tuning"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers."""
        job = operator.tuning_job  # type: ignore[attr-defined]
        return _address(layout.tuning_page(job)) if job else ""


def _address(key: str) -> str:
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}{PREFIX}/{key}"
