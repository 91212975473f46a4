from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from idc.jobs.spec import DIGEST_TAG, JOB_NAME, JobKind, JobSpec, differences, digest_of, prefix_of

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # botocore's pattern of a job's name
REQUEST = {"RoleArn": "arn:aws:iam::123456789012:role/r", "HyperParameters": {"epochs": "3"}}


def spec(request: dict[str, object] | None = None, prefix: str = "idc_train-2026-11-mxnet") -> JobSpec:
    return JobSpec(JobKind.TRAINING, prefix, request or REQUEST)


def test_a_name_says_what_for_and_ends_in_the_digest() -> None:
    assert spec().name() == f"idc-train-2026-11-mxnet-{spec().digest[:10]}"
    assert spec().name(2) == f"{spec().name()}-2"


def test_the_digest_does_not_depend_on_the_order_of_the_members() -> None:
    assert digest_of({"a": 1, "b": {"c": 2, "d": 3}}) == digest_of({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest_of({"a": [1, 2]}) != digest_of({"a": [2, 1]})


def test_the_digest_depends_on_everything_in_the_request_and_on_nothing_else() -> None:
    other = {**REQUEST, "HyperParameters": {"epochs": "4"}}

    assert spec(other).digest != spec().digest
    assert spec(prefix="another").digest == spec().digest


@given(prefix=st.text(min_size=1, max_size=200), attempt=st.integers(1, 999))
def test_any_prefix_makes_a_name_that_sagemaker_takes(prefix: str, attempt: int) -> None:
    name = spec(prefix=f"d{prefix}").name(attempt)

    assert NAME.fullmatch(name)
    assert len(name) <= 63
    assert spec().digest[:10] in name


@given(prefix=st.text(min_size=1, max_size=200), attempt=st.integers(1, 999))
def test_a_tuning_job_has_the_shorter_name_that_sagemaker_takes(prefix: str, attempt: int) -> None:
    name = JobSpec(JobKind.TUNING, f"d{prefix}", REQUEST).name(attempt)

    assert NAME.fullmatch(name)
    assert len(name) <= 32
    assert spec().digest[:10] in name


def test_attempts_of_a_long_prefix_keep_different_names() -> None:
    long = spec(prefix="x" * 100)

    assert len({long.name(attempt) for attempt in (1, 2, 10, 100)}) == 4


def test_the_create_request_carries_name_digest_and_the_name_wherever_it_is_meant() -> None:
    asked = spec(
        {"HyperParameters": {"sagemaker_job_name": f'"{JOB_NAME}"'}, "Outputs": [f"s3://b/{JOB_NAME}/"]}
    )

    request = asked.create_request(3)

    name = asked.name(3)
    assert request["TrainingJobName"] == name
    assert request["HyperParameters"] == {"sagemaker_job_name": f'"{name}"'}
    assert request["Outputs"] == [f"s3://b/{name}/"]
    assert request["Tags"] == [{"Key": DIGEST_TAG, "Value": asked.digest}]


def test_tags_of_the_request_stay() -> None:
    team = {"Key": "team", "Value": "pathology"}

    assert spec({"Tags": [team]}).create_request()["Tags"][0] == team


def test_a_specification_survives_being_handed_to_another_task() -> None:
    assert JobSpec.from_dict(JobKind.TRAINING, spec().to_dict()) == spec()


@pytest.mark.parametrize(
    ("kind", "operation", "group"),
    [
        (JobKind.TRAINING, "training_job", "/aws/sagemaker/TrainingJobs"),
        (JobKind.PROCESSING, "processing_job", "/aws/sagemaker/ProcessingJobs"),
        (JobKind.TUNING, "hyper_parameter_tuning_job", "/aws/sagemaker/TrainingJobs"),
    ],
)
def test_a_kind_knows_its_operations_and_its_log_group(kind: JobKind, operation: str, group: str) -> None:
    assert (kind.operation, kind.log_group) == (operation, group)


def test_differences_name_each_field_and_both_values() -> None:
    wanted = {"A": {"x": "3", "y": "same"}, "L": [{"u": 1}, {"u": 2}], "M": "there"}
    found = {"A": {"x": "5", "y": "same"}, "L": [{"u": 1}, {"u": 9}], "Status": "Completed"}

    assert list(differences(wanted, found)) == [
        "A.x: '5', expected '3'",
        "L[1].u: 9, expected 2",
        "M: None, expected 'there'",
    ]


def test_what_only_the_service_says_is_no_difference() -> None:
    assert list(differences(REQUEST, {**REQUEST, "TrainingJobStatus": "InProgress"})) == []


def test_a_prefix_leaves_out_what_is_not_given() -> None:
    assert prefix_of("idc_convert", "2026-11") == "idc_convert-2026-11"
    assert prefix_of("idc_train", "2026-11", "mxnet") == "idc_train-2026-11-mxnet"


def test_every_variant_and_rerun_has_a_name_of_its_own_however_long_the_partition_is() -> None:
    variants, reruns = ("builtin-lowlevel", "builtin-sdk"), ("", "r1a2b3c", "r1a2b3d")
    heads = [prefix_of("idc_train", "p" * 128, one, again) for one in variants for again in reruns]

    assert len({spec(prefix=head).name() for head in heads}) == 6
