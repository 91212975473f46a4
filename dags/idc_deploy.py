"""
### Deploy: measure the candidates and serve the best one that passes

Every candidate, and the champion, scores the same patches in a SageMaker **batch transform job**. Metrics have
95 % bounds over patients. Validation chooses threshold and challenger. The challenger must pass the **gates**,
be no worse than the champion, and be approved. The endpoint is then **created or updated**.

| | |
|---|---|
| runs | when `idc_train` or `idc_tune` has candidates for the partition, or with a partition key |
| reads | `candidates/<partition>/<variant>/candidate.json`, `datasets/<digest>/payload/` |
| writes | metrics, report and card of each candidate; `decision.json`; a version in the model registry |
| then | the endpoint is updated or kept (the log of `decide` says why); `idc_history` starts |

**Running it again** with the same candidates reuses jobs, version and endpoint. **When it fails** in `deploy`
with *rolled back*, the new model did not start or an alarm was raised. The old one is in service, and the task's
log has the endpoint's. In `smoke`, the answers are wrong: trigger `idc_rollback`.
"""  # noqa: E501

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import PartitionedAssetTimetable, dag, task

from histoflow import forms
from histoflow.defaults import CANDIDATES, DECISION, DEFAULT_ARGS, ENDPOINT, JOB_ARGS, VARIANTS_LABEL
from histoflow.notifiers import APPROVAL_WANTED, NEW_CHAMPION
from histoflow.operators.approval import ModelApprovalOperator
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator
from histoflow.operators.sagemaker import SageMakerModelDeleteOperator, SageMakerTransformOperator


@dag(
    dag_id="idc_deploy",
    dag_display_name="IDC 4 · deploy",
    description="candidates → metrics → decision → endpoint",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=CANDIDATES),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["histoflow", "model", "sagemaker"],
    params=forms.deployment(),
)
def idc_deploy() -> None:
    @task
    def plan() -> list[dict[str, Any]]:
        """Plan a job for each candidate's model that scores the validation and test patches."""
        from histoflow import deployment

        return deployment.plan()

    @task
    def measure(planned: list[dict[str, Any]], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Choose each candidate's threshold on validation, and measure it on the test patients."""
        from histoflow import deployment

        return deployment.measure(planned, jobs)

    @task(map_index_template="{{ task.op_kwargs['figures']['variant'] }}", doc_md="Writes report and card.")
    def report(figures: dict[str, Any]) -> dict[str, Any]:
        from histoflow import deployment

        return deployment.report(figures["variant"])

    @task.branch
    def decide() -> str:
        """Judge the best candidate against the gates and the champion: `register` or `keep`."""
        from histoflow import deployment

        return deployment.decide(deploying="register", keeping="keep")

    @task
    def register() -> dict[str, Any]:
        """Put the candidate into the model registry, with its metrics, card and lineage."""
        from histoflow import deployment

        return deployment.register()

    @task(outlets=[ENDPOINT], on_success_callback=NEW_CHAMPION())
    def smoke(version: dict[str, Any]) -> dict[str, Any]:
        """Send known test patches to the endpoint: it must answer as the registered model does."""
        from histoflow import deployment

        return deployment.smoke(version, asset=ENDPOINT)

    @task(trigger_rule="none_failed", outlets=[DECISION])
    def conclude(answered: dict[str, Any] | None) -> dict[str, Any]:
        """Record the outcome: what is served, or why it is kept, and who approved it."""
        from histoflow import deployment

        return deployment.conclude(answered, deploying="register")

    score = SageMakerTransformOperator.partial(
        task_id="score", doc_md="Scores patches.", map_index_template=VARIANTS_LABEL, **JOB_ARGS
    ).expand(spec=(planned := plan()))
    clean = SageMakerModelDeleteOperator(task_id="delete_models", specs=planned, doc_md="Deletes the models.")
    score >> clean.as_teardown()
    registered = register()
    approve = ModelApprovalOperator(
        task_id="approve",
        package=registered["package"],
        subject="Shall {{ ti.xcom_pull(task_ids='register', key='name') }} be served?",
        body=registered["question"],
        notifiers=APPROVAL_WANTED(),
        doc_md="Approves it, or asks a person.",
    )
    deploy = SageMakerEndpointDeployOperator(
        task_id="deploy", spec=registered["spec"], execution_timeout=None, doc_md="Creates or updates it."
    )
    keep = EmptyOperator(task_id="keep", doc_md="Keeps the champion: the log of `decide` says why.")
    report.expand(figures=measure(planned, score.output)) >> decide() >> [registered, keep]
    registered >> approve >> deploy >> (answered := smoke(registered["version"]))
    keep >> conclude(answered)


idc_deploy()
