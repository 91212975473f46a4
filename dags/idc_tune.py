"""
### Tune: search better hyperparameters

Runs one SageMaker **tuning job** a variant: many training jobs on the train patients. Results on the validation
patients decide the next hyperparameters. The test patients are for `idc_deploy`.

| | |
|---|---|
| runs | when triggered with a partition key; the form says what to search, and how |
| reads | `datasets/<digest>/{recordio,tfrecord}/{train,validation}…` |
| writes | `tuning/<tuning job>/{tuning.html,tuning.png,trials.csv,trials.json}`; the best model as `candidates/<partition>/<variant>/candidate.json`; its hyperparameters as `tuning/<variant>/defaults.json` |
| then | `idc_deploy` starts for the same partition; the next `idc_train` uses the hyperparameters found (precedence: trigger form, tuned defaults, settings) |

**To undo it**, set *Revert* in the form: nothing is tuned, and the variant gets its previous defaults.

**Running it again** with the same dataset and parameters returns the result of the completed tuning job. To
continue a search, name it under *Warm start from*.

**When it fails** in `tune`, no training job reported the objective, or the service refused a range: the log says
which. Single failed training jobs are counted and do not fail the search. A killed task stops its tuning job and
all training jobs. A retry adopts a running tuning job.
"""  # noqa: E501

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import PartitionedAtRuntime, dag, task

from histoflow import forms
from histoflow.defaults import CANDIDATES, DEFAULT_ARGS, JOB_ARGS, deadline
from histoflow.operators.sagemaker import SageMakerTuningOperator


@dag(
    dag_id="idc_tune",
    dag_display_name="IDC · tune",
    description="dataset → tuned candidate, new defaults",
    doc_md=__doc__,
    schedule=PartitionedAtRuntime(),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=deadline(timedelta(hours=48)),
    tags=["histoflow", "model", "sagemaker"],
    params=forms.tuning(),
)
def idc_tune() -> None:
    @task
    def plan() -> dict[str, Any]:
        """Verify the dataset and plan a search for each variant, or give the defaults before back."""
        from histoflow import runs
        from idc.settings import settings
        from idc.tune import stage

        options = runs.tuning_options()
        python = runs.sdk_python()
        if runs.parameter("revert", False):
            stage.revert(runs.store(), options.variants, by=runs.run_id())
            return {"searches": [], "python": python}
        searches = stage.plan(
            runs.store(),
            settings(),
            partition=runs.partition(),
            options=options,
            training=runs.default_training(options.variants),
        )
        return {"searches": searches, "python": python}

    @task.external_python(
        python="{{ ti.xcom_pull(task_ids='plan')['python'] }}",
        expect_airflow=False,
        env_vars={"SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
    )
    def request(planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make each search a request, in the environment of the SageMaker SDK 2; nothing is submitted."""
        from idc.tune.request import requested

        return requested(planned)

    @task(outlets=[CANDIDATES])
    def record(planned: list[dict[str, Any]], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make the best jobs candidates and their hyperparameters the defaults, and announce them."""
        from histoflow import runs
        from idc.tune import stage

        facts = stage.record(runs.store(), partition=runs.partition(), planned=planned, jobs=jobs)
        runs.publish(CANDIDATES, candidates=facts)
        return facts

    planned = request(plan()["searches"])
    tune = SageMakerTuningOperator.partial(
        task_id="tune",
        doc_md="Runs a variant's tuning job.",
        map_index_template="{{ task.spec.variant }}",
        **JOB_ARGS,
    ).expand(spec=planned)
    record(planned, tune.output)


idc_tune()
