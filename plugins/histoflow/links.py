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
        return address(layout.report(operator.dataset_digest))  # type: ignore[attr-defined]


class TuningLink(BaseOperatorLink):
    """Opens the page on the task's `tuning_job`; there is no button before there is one."""

    name = "Tuning"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers."""
        job = operator.tuning_job  # type: ignore[attr-defined]
        return address(layout.tuning_page(job)) if job else ""


def address(key: str) -> str:
    """Return the address at which Airflow's API server shows the page that lies under `key` in the bucket."""
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}{PREFIX}/{key}"
