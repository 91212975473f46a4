"""Send notifications through an SNS topic; mail, chat and pagers subscribe to it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Context

LONGEST_SUBJECT = 100  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
FOOTER = "Research software, not a diagnostic device."


class TopicNotifier(BaseNotifier):
    """Publishes to the topic of the setting `notification_topic`; without a topic it writes a log line.

    Subscriptions may filter by `event`: `failure`, `approval`, `champion`, `deadline`, `monitoring`. An empty
    message is not sent. An error fails no task: Airflow logs it.
    """

    template_fields: Sequence[str] = ("subject", "message")

    def __init__(self, *, event: str, subject: str, message: str) -> None:
        """Publish `message` under `subject`, both rendered with the task's context."""
        super().__init__()
        self.event = event
        self.subject = subject
        self.message = message

    def notify(self, context: Context) -> None:  # noqa: ARG002
        """Publish the message."""
        if self.message.strip():
            publish(self.event, self.subject, self.message)

    async def async_notify(self, context: Context) -> None:
        """Publish the message from the triggerer's event loop."""
        await asyncio.to_thread(self.notify, context)


def publish(event: str, subject: str, message: str) -> bool:
    """Send a message to the topic; return whether there is a topic.

    Raises:
        RequestRejected, ServiceError: SNS did not take it.
    """
    from histoflow.hooks.aws import AwsHook, aws_errors
    from idc.settings import operation_settings

    hook, topic = AwsHook("sns"), operation_settings().notification_topic
    if topic is None:
        hook.log.info("No HISTOFLOW_NOTIFICATION_TOPIC: nobody is told of %r.", subject)
        return False
    with aws_errors("topic", topic):
        hook.api.publish(
            TopicArn=topic,
            Subject=" ".join(subject.split())[:LONGEST_SUBJECT],
            Message=f"{message.strip()}\n\n{FOOTER}\n",
            MessageAttributes={"event": {"DataType": "String", "StringValue": event}},
        )
    return True


FAILURE = functools.partial(
    TopicNotifier,
    event="failure",
    subject="Histoflow: {{ dag.dag_id }}.{{ ti.task_id }} failed, {{ dag_run.partition_key }}",
    message="""
Task {{ dag.dag_id }}.{{ ti.task_id }} failed in try {{ ti.try_number }} and is not tried again.
Partition: {{ dag_run.partition_key }}
Run: {{ dag_run.run_id }}
Error: {{ exception }}
Log: {{ ti.log_url }}
What to do: docs/operations.md, and the documentation of the DAG in Airflow.
""",
)
APPROVAL_WANTED = functools.partial(
    TopicNotifier,
    event="approval",
    subject="Histoflow: a model waits for approval, {{ dag_run.partition_key }}",
    message="""
The best candidate of {{ dag_run.partition_key }} waits for a person. The question has its gates.
Answer in Airflow under Required Actions: {{ ti.log_url }}
""",
)
NEW_CHAMPION = functools.partial(
    TopicNotifier,
    event="champion",
    subject="Histoflow: a new champion serves, {{ dag_run.partition_key }}",
    message="""
{% if ti.xcom_pull(task_ids='register')['is_another'] %}
The endpoint serves another model than before, trained on the partition {{ dag_run.partition_key }}.
Run: {{ dag_run.run_id }}
What it serves: {{ ti.log_url }}
{% endif %}
""",
)
ROLLED_BACK = functools.partial(
    TopicNotifier,
    event="champion",
    subject="Histoflow: the endpoint was rolled back",
    message="""
{% set chosen = ti.xcom_pull(task_ids='choose') %}
The endpoint serves the model before, of the partition {{ chosen['version']['served']['partition'] }}.
Reason: {{ params['reason'] }}
Run: {{ dag_run.run_id }}
What it serves: {{ ti.log_url }}
""",
)

_MONITORED = """
{% set found = ti.xcom_pull(task_ids='report') %}
Model: {{ found['model'] }}
Day: {{ found['day'] }}
Report: {{ found['page'] }}
{% for reason in found['reasons'] %}
- {{ reason }}
{% endfor %}
"""
RETRAINING_ADVISED = functools.partial(
    TopicNotifier,
    event="monitoring",
    subject="Histoflow: training again is advised, {{ dag_run.partition_key }}",
    message=f"{_MONITORED}\nNothing is started by itself. What to do: docs/monitoring.md.",
)
RETRAINING_STARTED = functools.partial(
    TopicNotifier,
    event="monitoring",
    subject="Histoflow: a model is trained again, {{ dag_run.partition_key }}",
    message=f"{_MONITORED}\nidc_train runs for {{{{ ti.xcom_pull(task_ids='retrain')['partition'] }}}}.",
)


async def report_missed_deadline(context: Mapping[str, Any]) -> None:
    """Notify that a run has missed its deadline; Airflow's triggerer calls this."""
    run, limit = context["dag_run"], context["deadline"]["deadline_time"]
    subject = f"Histoflow: {run['dag_id']} is late, {run.get('partition_key')}"
    message = (
        f"The run {run['dag_run_id']} of {run['dag_id']} has not ended by {limit}.\n"
        "It runs on. See docs/operations.md, A run is late."
    )
    await asyncio.to_thread(publish, "deadline", subject, message)
