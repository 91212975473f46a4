"""
### Roll back: return to the previous model

One click: the endpoint serves the approved version again that it served before, with all traffic at once. The
current version becomes **rejected** in the registry, with the reason from the form, so that `idc_deploy` does
not bring it back.

| | |
|---|---|
| runs | when triggered; the form may name the version to return to |
| reads | the model registry, `models/<digest>/known_answers.json` |
| writes | the endpoint, the approval status of the replaced version, `smoke.json`, `candidates/<partition>/decision.json` |
| then | the endpoint answers as before; `idc_history` starts |

**Running it again** goes one version further back: it never chooses a rejected version.

**When it fails** in `choose`, no approved version was served before: name one, or deploy another model. Or an
update of the endpoint is under way, which SageMaker cannot cancel: trigger it again after its end. In `deploy`
with *rolled back*, the earlier model did not start, and the endpoint serves the current one.
"""  # noqa: E501

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from histoflow import forms
from histoflow.defaults import DECISION, DEFAULT_ARGS, ENDPOINT, deadline
from histoflow.notifiers import ROLLED_BACK
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator


@dag(
    dag_id="idc_rollback",
    dag_display_name="IDC · roll back",
    description="endpoint → the model before",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    deadline=deadline(timedelta(hours=2)),
    default_args=DEFAULT_ARGS,
    tags=["histoflow", "model", "sagemaker"],
    params=forms.rollback(),
)
def idc_rollback() -> None:
    @task
    def choose() -> dict[str, Any]:
        """Choose the version to go back to."""
        from histoflow import deployment

        return deployment.choose_earlier()

    @task(outlets=[ENDPOINT], on_success_callback=ROLLED_BACK())
    def smoke(version: dict[str, Any]) -> dict[str, Any]:
        """Ask the endpoint about known test patches: it has to answer as the registered model does."""
        from histoflow import deployment

        return deployment.smoke(version, asset=ENDPOINT)

    @task(outlets=[DECISION])
    def conclude(chosen: dict[str, Any]) -> dict[str, Any]:
        """Reject the version gone back from, so that it is not deployed again, and write down why."""
        from histoflow import deployment

        return deployment.conclude_rollback(chosen, asset=DECISION)

    chosen = choose()
    deploy = SageMakerEndpointDeployOperator(
        task_id="deploy",
        spec=chosen["spec"],
        execution_timeout=None,
        doc_md="Updates the endpoint, all of its traffic at once.",
    )
    deploy >> [smoke(chosen["version"]), conclude(chosen)]


idc_rollback()
