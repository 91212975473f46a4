"""
### Candidates are measured, and the best one is served

Every candidate of the partition scores the same validation and test patches in a SageMaker **batch
transform job**; the metrics, with 95 % bounds over patients, are computed here. The threshold and the
candidate to serve are chosen on validation, never on test. The endpoint is **created if absent, updated if
present**, and asked about two patches of a patient the model never saw.

| | |
|---|---|
| runs | when `idc_train` has candidates for the partition, or when triggered with a partition key |
| reads | `candidates/<partition>/<variant>/candidate.json`, `datasets/<digest>/payload/` |
| writes | `predictions.csv`, `metrics.json` and `smoke.json` beside `candidate.json` |
| then | the endpoint answers |

**Running it again** with the same candidates finds the completed transform jobs, and leaves an endpoint alone
that serves the model already: the logs say so.

**When it fails** in `deploy` with *rolled back*, the new model did not come up: SageMaker kept the old one in
service, and the end of the endpoint's log is in the task's. In `smoke`, it answers, but not as it should.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task

from histoflow.defaults import CANDIDATES, DEFAULT_ARGS, ENDPOINT
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator
from histoflow.operators.sagemaker import SageMakerTransformOperator


@dag(
    dag_id="idc_deploy",
    dag_display_name="IDC 4 · deploy",
    description="candidates → metrics → endpoint",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=CANDIDATES),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["histoflow", "model", "sagemaker"],
)
def idc_deploy() -> None:
    @task
    def plan() -> list[dict[str, Any]]:
        """Plan a job for each candidate that scores the validation and test patches."""
        from histoflow import runs
        from idc.settings import settings
        from idc.stages import evaluate

        return evaluate.plan(runs.store(), settings(), dag_id=runs.dag_id(), partition=runs.partition())

    @task
    def measure(planned: list[dict[str, Any]], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Choose each candidate's threshold on validation, and measure it on the test patients."""
        from histoflow import runs
        from idc.settings import settings
        from idc.stages import evaluate

        return evaluate.measure(
            runs.store(), settings(), partition=runs.partition(), planned=planned, jobs=jobs
        )

    @task
    def choose(measured: list[dict[str, Any]]) -> dict[str, Any]:
        """Choose the candidate to serve: the best on validation."""
        from histoflow import runs
        from idc.settings import settings
        from idc.stages import deploy

        return deploy.choose(runs.store(), settings(), partition=runs.partition(), measured=measured)

    @task(outlets=[ENDPOINT])
    def smoke(variant: str, deployed: dict[str, str]) -> dict[str, Any]:
        """Ask the endpoint about two test patches: it has to answer, and as the trained model does."""
        from histoflow import runs
        from histoflow.hooks.endpoint import EndpointHook
        from idc.stages import deploy

        hook, endpoint = EndpointHook(), deployed["endpoint"]
        facts = deploy.smoke_test(
            runs.store(),
            partition=runs.partition(),
            variant=variant,
            endpoint=endpoint,
            model_data=hook.model_data(endpoint),
            invoke=lambda image: hook.invoke(endpoint, image, "application/x-image"),
        )
        runs.publish(ENDPOINT, **facts)
        return facts

    planned = plan()
    score = SageMakerTransformOperator.partial(
        task_id="score",
        doc_md="Runs a candidate on the validation and test patches.",
        map_index_template="{{ task.spec.variant }}",
    ).expand(spec=planned)
    chosen = choose(measure(planned, score.output))
    deploy = SageMakerEndpointDeployOperator(
        task_id="deploy", spec=chosen["spec"], doc_md="Creates or updates the endpoint."
    )
    smoke(chosen["variant"], deploy.output)


idc_deploy()
