"""
### Train: the dataset becomes four candidates

Trains every variant as a SageMaker **training job**, all on the same dataset. A job sees the train and
validation patients only. The test patients are for `idc_deploy`.

| variant | request made by | algorithm |
|---|---|---|
| `builtin-lowlevel` | this library, member by member | Amazon's image classification: full training |
| `builtin-sdk` | the SageMaker SDK 2's `Estimator` | the same: transfer learning |
| `tensorflow` | the SDK's `TensorFlow`, script mode | our Keras network, TFRecord in FastFile mode |
| `mxnet` | the SDK's `MXNet`, script mode | our Gluon network, RecordIO |

**Transfer learning** begins with pretrained weights if `HISTOFLOW_BUILTIN_PRETRAINED` is true. Otherwise it
begins with the built-in model of the newest earlier partition that has seen no test patient of this dataset.
Without such a model it is full training: both built-in requests are equal, **one job** runs, and both
variants record its model. The log of `plan` names the start.

| | |
|---|---|
| runs | when `idc_convert` has a dataset for the partition or `idc_monitor` asks for it; by hand with a key |
| reads | `datasets/<digest>/{recordio,tfrecord}/{train,validation}…`, `tuning/<variant>/defaults.json` |
| writes | `jobs/<job>/output/model.tar.gz`, `candidates/<partition>/<variant>/candidate.json` |
| then | `idc_deploy` starts for the same partition |

**Hyperparameters**: precedence is trigger form, tuned defaults (`idc_tune`), settings. The log of `plan`
names the source of each.

**Running it again** with the same dataset, scripts, image and parameters returns the results of the completed
jobs. The log of `train` says so.

**When it fails** in `plan` with *CorruptShard*, a file of the dataset is damaged and nothing is trained. In
`train`, the task's log has the end of the job's log and SageMaker's reason. A killed task stops its job. A
retry adopts a running job, and starts a new attempt after a failed one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task

from histoflow import forms
from histoflow.defaults import CANDIDATES, DATASET, DEFAULT_ARGS, JOB_ARGS, RETRAIN, VARIANTS_LABEL, deadline
from histoflow.operators.sagemaker import SageMakerTrainingOperator


@dag(
    dag_id="idc_train",
    dag_display_name="IDC 3 · train",
    description="dataset → four candidates",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=DATASET | RETRAIN),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=deadline(timedelta(hours=24)),
    tags=["histoflow", "model", "sagemaker"],
    params=forms.training(),
)
def idc_train() -> None:
    @task
    def plan() -> dict[str, Any]:
        """Verify the dataset, upload the scripts, choose a start, and plan a training for each variant."""
        from histoflow import runs
        from histoflow.hooks.registry import RegistryHook
        from idc.settings import settings
        from idc.train import stage

        jobs = stage.plan(
            runs.store(),
            settings(),
            dag_id=runs.dag_id(),
            partition=runs.partition(),
            options=runs.training_options(),
            rebuild=runs.rebuild(),
            rejected=RegistryHook().rejected(settings().model_package_group),
        )
        return {"jobs": jobs, "python": runs.sdk_python()}

    @task.external_python(
        python="{{ ti.xcom_pull(task_ids='plan')['python'] }}",
        expect_airflow=False,
        env_vars={"SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
    )
    def request(planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make the plans requests, in the environment of the SageMaker SDK 2, and join equal ones."""
        from idc.train.request import requested

        return requested(planned)

    @task(outlets=[CANDIDATES])
    def record(planned: list[dict[str, Any]], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Record what the jobs made as candidates, and announce them."""
        from histoflow import runs
        from idc.train import stage

        facts = stage.record(runs.store(), partition=runs.partition(), planned=planned, jobs=jobs)
        runs.publish(CANDIDATES, candidates=facts)
        return facts

    planned = request(plan()["jobs"])
    train = SageMakerTrainingOperator.partial(
        task_id="train",
        doc_md="Runs a training job.",
        map_index_template=VARIANTS_LABEL,
        **JOB_ARGS,
    ).expand(spec=planned)
    record(planned, train.output)


idc_train()
