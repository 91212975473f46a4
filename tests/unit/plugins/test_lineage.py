from __future__ import annotations

from histoflow.lineage import lineage
from idc.jobs.spec import JOB_NAME, JobKind, JobSpec


def test_what_a_request_reads_and_writes_is_told_apart() -> None:
    request = {
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/datasets/d/train/"}}},
            {"ChannelName": "validation", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/datasets/d/v"}}},
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://b/jobs/{JOB_NAME}"},
        "CheckpointConfig": {"S3Uri": "s3://b/checkpoints"},
    }

    found = lineage(JobSpec(JobKind.TRAINING, "p", request), "p-1")

    assert [(one.namespace, one.name) for one in found.inputs] == [
        ("s3://b", "datasets/d/train"),
        ("s3://b", "datasets/d/v"),
    ]
    assert [one.name for one in found.outputs] == ["jobs/p-1", "checkpoints"]
    assert found.run_facets["externalQuery"].externalQueryId == "p-1"
    assert found.run_facets["externalQuery"].source == "sagemaker TrainingJob"


def test_what_only_the_specification_says_counts_too() -> None:
    spec = JobSpec(JobKind.PROCESSING, "p", {}, reads=("s3://b/snapshot.zip",), writes=("s3://b/dataset/",))

    found = lineage(JobSpec.from_dict(spec.kind, spec.to_dict()), "p-1")

    assert [one.name for one in (*found.inputs, *found.outputs)] == ["snapshot.zip", "dataset"]


def test_a_skipped_task_has_no_lineage() -> None:
    assert lineage(None, None).inputs == []
