"""Batch transform jobs: a model scores the validation and the test patches, one request a patch.

The patches lie in RecordIO files that hold the encoded images and nothing else. SageMaker takes the framing
off, sends each image alone, and writes the answers to `<input>.out`, a line each, in the records' order.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

from typing import Any

from idc import layout
from idc.jobs.spec import JOB_NAME, JobKind, JobSpec, digest_of, named_by_digest, prefix_of
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train.candidates import Candidate
from idc.train.models import model_request

IMAGE, ANSWERS = "application/x-image", "application/jsonlines"
CONCURRENCY = 4
PAYLOAD_MB = 1  # a patch has some kilobytes
TIMEOUT_S = 60
RETRIES = 3


def transform_spec(
    store: ObjectStore, settings: Settings, *, dag_id: str, candidate: Candidate, name: str = ""
) -> dict[str, Any]:
    """Return the specification of the job that scores a candidate, and of the model it needs, as values.

    `name` stands in the job's name in place of the variant, for a model that is no candidate of its own.
    """
    prefix = prefix_of(dag_id, candidate.partition, name or candidate.variant)
    model = model_request(settings, candidate)
    model_name = named_by_digest(prefix, digest_of(model))
    source = {"S3DataType": "S3Prefix", "S3Uri": store.uri(layout.payload_prefix(candidate.dataset_digest))}
    request = {
        "ModelName": model_name,
        "BatchStrategy": "SingleRecord",
        "MaxConcurrentTransforms": CONCURRENCY,
        "MaxPayloadInMB": PAYLOAD_MB,
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": TIMEOUT_S,
            "InvocationsMaxRetries": RETRIES,
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": IMAGE,
            "SplitType": "RecordIO",
        },
        "TransformOutput": {
            "S3OutputPath": store.uri(f"jobs/{JOB_NAME}/transform/"),
            "Accept": ANSWERS,
            "AssembleWith": "Line",
        },
        "TransformResources": {
            "InstanceType": settings.transform_instance_type,
            "InstanceCount": settings.transform_instance_count,
        },
    }
    spec = JobSpec(JobKind.TRANSFORM, prefix, request)
    return {**spec.to_dict(), "model": {"ModelName": model_name, **model}}
