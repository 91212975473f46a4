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

    from histoflow.operators.job import SageMakerJobOperator


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


class HistoryLink(BaseOperatorLink):
    """Opens the page on all partitions."""

    name = "History"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers."""
        return address(layout.history_page())


class MonitoringLink(BaseOperatorLink):
    """Opens the report on the task's `day`."""

    name = "Monitoring report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers."""
        return address(layout.monitoring_report(operator.day))  # type: ignore[attr-defined]


class JobLink(BaseOperatorLink):
    """Opens the job: in Amazon's console, or on our own page where SageMaker is somewhere else."""

    name = "SageMaker job"

    def get_link(self, operator: SageMakerJobOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the address of the job; there is no button before there is one."""
        from idc.dashboard import console_links

        if operator.job is None:
            return ""
        region = console_links.region_of(operator.hook.api)
        return console_links.job(region, operator.kind, operator.job) if region else _job_page(operator)


class LogLink(BaseOperatorLink):
    """Opens the job's log: in CloudWatch's console, or on our own page where that is somewhere else."""

    name = "CloudWatch log"

    def get_link(self, operator: SageMakerJobOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the address of the log; there is no button before there is a job."""
        from idc.dashboard import console_links

        if operator.job is None:
            return ""
        region = console_links.region_of(operator.hook.api)
        if region:
            return console_links.log(region, operator.kind.log_group, operator.job)
        return f"{_job_page(operator)}#log"


class ReportLink(BaseOperatorLink):
    """Opens the report on what the job is about: a candidate's, or else a dataset's."""

    name = "Report"

    def get_link(self, operator: SageMakerJobOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers; it says so while there is none."""
        spec = operator.spec or {}
        if operator.partition and spec.get("variant"):
            return address(f"{layout.candidate_prefix(operator.partition, spec['variant'])}report.html")
        return address(layout.report(spec["dataset_digest"])) if spec.get("dataset_digest") else ""


class CardLink(BaseOperatorLink):
    """Opens the card of the model that the job trains or measures."""

    name = "Model card"

    def get_link(self, operator: SageMakerJobOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]  # noqa: ARG002
        """Return the page's address, which Airflow's API server answers; it says so while there is none."""
        spec = operator.spec or {}
        if not (operator.partition and spec.get("variant")):
            return ""
        return address(f"{layout.candidate_prefix(operator.partition, spec['variant'])}card.html")


JOB_LINKS = (JobLink(), LogLink(), ReportLink(), CardLink())


def _job_page(operator: SageMakerJobOperator) -> str:
    return address(f"jobs/{operator.kind}/{operator.job}")


def address(key: str) -> str:
    """Return the address at which Airflow's API server shows the page that lies under `key` in the bucket."""
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}{PREFIX}/{key}"
