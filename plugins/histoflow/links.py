"""Buttons on tasks in the Airflow UI.

An operator that runs a job persists the facts of the job as an XCom. The buttons are formatted from these
facts alone, so no button needs to know an operator.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.xcom import XCom

from histoflow.pages import PREFIX
from idc import layout
from idc.jobs.spec import JobKind

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey


class DatasetReportLink(BaseOperatorLink):
    """Opens the report of the dataset that the task's `dataset_digest` names."""

    name = "Dataset report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address on Airflow's API server."""
        return address(layout.report(operator.dataset_digest))  # type: ignore[attr-defined]


class HistoryLink(BaseOperatorLink):
    """Opens the page on all partitions."""

    name = "History"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address on Airflow's API server."""
        return address(layout.history_page())


class MonitoringLink(BaseOperatorLink):
    """Opens the monitoring report of the task's `day`."""

    name = "Monitoring report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the page's address on Airflow's API server."""
        return address(layout.monitoring_report(operator.day))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class JobFacts:
    """What the buttons of a job are formatted from; `region` is None unless the job runs on Amazon."""

    kind: JobKind
    job: str
    region: str | None
    partition: str | None = None
    variant: str = ""
    dataset_digest: str = ""

    def page(self, name: str) -> str:
        """Return the key of a page of the candidate that the job trains or scores, empty for other jobs."""
        if not (self.partition and self.variant):
            return ""
        return f"{layout.candidate_prefix(self.partition, self.variant)}{name}"


class JobFactsLink(BaseOperatorLink):
    """A button formatted from the persisted facts of a job; the task has none before it has a job."""

    key = "sagemaker_job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Return the button's address, empty for no button."""
        facts = XCom.get_value(ti_key=ti_key, key=self.key)
        return self.format_link(JobFacts(**{**facts, "kind": JobKind(facts["kind"])})) if facts else ""

    @abstractmethod
    def format_link(self, facts: JobFacts) -> str:
        """Return the button's address, empty for no button."""

    @classmethod
    def persist(cls, context: Context, links: Iterable[BaseOperatorLink], facts: JobFacts) -> None:
        """Store a job's facts for its buttons, and the addresses, which the UI shows while the job runs."""
        if (ti := context.get("ti")) is None:
            return
        values: dict[str, Any] = {**asdict(facts), "kind": str(facts.kind)}
        ti.xcom_push(key=cls.key, value=values)
        for link in links:
            if isinstance(link, JobFactsLink):
                ti.xcom_push(key=link.xcom_key, value=link.format_link(facts))


class JobLink(JobFactsLink):
    """Opens the job: in Amazon's console, or on our page for a job that runs elsewhere."""

    name = "SageMaker job"

    def format_link(self, facts: JobFacts) -> str:
        """Return the address of the job."""
        from idc.dashboard import console_links

        return console_links.job(facts.region, facts.kind, facts.job) if facts.region else _job_page(facts)


class LogLink(JobFactsLink):
    """Opens the job's log: in CloudWatch's console, or on our page for a job that runs elsewhere."""

    name = "CloudWatch log"

    def format_link(self, facts: JobFacts) -> str:
        """Return the address of the log."""
        from idc.dashboard import console_links

        if facts.region:
            return console_links.log(facts.region, facts.kind.log_group, facts.job)
        return f"{_job_page(facts)}#log"


class ReportLink(JobFactsLink):
    """Opens the report of the job's candidate, else of its dataset; the page says if there is none yet."""

    name = "Report"

    def format_link(self, facts: JobFacts) -> str:
        """Return the page's address on Airflow's API server."""
        digest = facts.dataset_digest
        key = facts.page("report.html") or (layout.report(digest) if digest else "")
        return address(key) if key else ""


class CardLink(JobFactsLink):
    """Opens the card of the model that the job trains or scores; the page says if there is none yet."""

    name = "Model card"

    def format_link(self, facts: JobFacts) -> str:
        """Return the page's address on Airflow's API server."""
        key = facts.page("card.html")
        return address(key) if key else ""


class TuningLink(JobFactsLink):
    """Opens the page of a tuning job."""

    name = "Tuning"

    def format_link(self, facts: JobFacts) -> str:
        """Return the page's address on Airflow's API server."""
        return address(layout.tuning_page(facts.job))


JOB_LINKS = (JobLink(), LogLink(), ReportLink(), CardLink())


def _job_page(facts: JobFacts) -> str:
    return address(f"jobs/{facts.kind}/{facts.job}")


def address(key: str) -> str:
    """Return the address at which Airflow's API server shows the page that lies under `key` in the bucket."""
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    return f"{base}{PREFIX}/{key}"
