"""The stages of the library on an embedded AWS of the tests, without Airflow's processes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import boto3
import local_aws

from idc.convert import stage as convert
from idc.converter.conversion import ConversionSettings, parse_arguments
from idc.converter.convert import convert as run_conversion
from idc.ingest import stage as ingest
from idc.settings import Settings
from idc.storage import ObjectStore

PARTITION = "2026-10"
SAMPLE = "synthetic://?patients=8&patches=160&seed=3"
SETTINGS = Settings(bucket=local_aws.BUCKET, role_arn=local_aws.ROLE_ARN)


def with_a_dataset() -> ObjectStore:
    """The bucket that this process's clients reach, with a dataset of generated patches."""
    made = ObjectStore(boto3.client("s3"), local_aws.BUCKET)
    ingest.run(made, partition=PARTITION, archive=SAMPLE)
    planned = convert.plan(
        made, SETTINGS, dag_id="idc_convert", partition=PARTITION, options=ConversionSettings()
    )
    assert planned.spec is not None
    arguments = planned.spec.request["AppSpecification"]["ContainerArguments"]
    run_conversion(parse_arguments(arguments), made.client)
    convert.publish(made, partition=PARTITION, dataset_digest=planned.dataset_digest)
    return made


def requested(by: str, plans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make plans requests with a module's `requested`, in the environment of the SageMaker SDK."""
    script = (
        f"import json, sys; from {by} import requested; print(json.dumps(requested(json.load(sys.stdin))))"
    )
    done = subprocess.run(
        [local_aws.interpreter("sagemaker-sdk"), "-c", script],
        env={"PYTHONPATH": str(local_aws.REPOSITORY / "include"), "SAGEMAKER_SUPPRESS_V2_WARNING": "1"},
        input=json.dumps(plans),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
