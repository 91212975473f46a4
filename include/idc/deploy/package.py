"""What the model registry is told of a candidate: one version of the package group."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from idc import layout
from idc.deploy.version import PENDING
from idc.evaluate.served_model import ServedModel
from idc.jobs.spec import digest_of
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates
from idc.train.candidates import Candidate
from idc.train.models import served_container

IMAGE, JSON = "application/x-image", "application/json"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
TOKEN_LIMIT = 36
# A package's card has no details of the package, and of the overview only these.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelPackageModelCard.html
CARD_OVERVIEW = ("model_creator", "model_artifact")


@dataclass(frozen=True)
class PackageSpec:
    """A version as it should be registered; `request` is `CreateModelPackage`'s."""

    group: str
    served: ServedModel
    request: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The client token, by which the service knows a request that it has answered already."""
        return digest_of(self.request)[:TOKEN_LIMIT]

    def create_request(self) -> dict[str, Any]:
        """Return the arguments of `CreateModelPackage`."""
        return {"ModelPackageGroupName": self.group, "ClientToken": self.token, **self.request}

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the specification that `to_dict` wrote."""
        return cls(values["group"], ServedModel(**values["served"]), values["request"])


def package_spec(
    store: ObjectStore, settings: Settings, candidate: Candidate, metrics: Mapping[str, Any]
) -> PackageSpec:
    """Return the version to register for a measured candidate."""
    served = served_model(store, candidate, metrics)
    instances = [settings.endpoint_instance_type]
    request: dict[str, Any] = {
        "ModelPackageDescription": f"{candidate.variant} of {candidate.partition}. Research software, not a "
        "diagnostic device." + (" SYNTHETIC DATA." if served.synthetic else ""),
        "InferenceSpecification": {
            "Containers": [served_container(settings, candidate)],
            "SupportedContentTypes": [IMAGE],
            "SupportedResponseMIMETypes": [JSON],
            "SupportedRealtimeInferenceInstanceTypes": instances,
            "SupportedTransformInstanceTypes": [settings.transform_instance_type],
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": JSON, "S3Uri": served.metrics_uri}}},
        "ModelApprovalStatus": PENDING,
        "Domain": "COMPUTER_VISION",
        "Task": "IMAGE_CLASSIFICATION",
        "MetadataProperties": _lineage(candidate),
        "CustomerMetadataProperties": served.to_metadata(),
    }
    card = store.find(layout.candidate_prefix(candidate.partition, candidate.variant) + "card.json")
    if card is not None:
        request["ModelCard"] = {"ModelCardContent": package_card(card), "ModelCardStatus": "PendingReview"}
    return PackageSpec(settings.model_package_group, served, request)


def served_model(store: ObjectStore, candidate: Candidate, metrics: Mapping[str, Any]) -> ServedModel:
    """Return what those who serve a candidate have to know of it."""
    prefix = store.uri(layout.candidate_prefix(candidate.partition, candidate.variant))
    calibration = metrics.get("calibration") or {"temperature": 1.0, "bias": 0.0}
    return ServedModel(
        variant=candidate.variant,
        partition=candidate.partition,
        dataset_digest=candidate.dataset_digest,
        training_job=candidate.training_job,
        tuning_job=candidate.tuning_job,
        model_data=candidate.model_data,
        model_sha256=candidate.model_sha256,
        threshold=float(metrics["threshold"]),
        temperature=float(calibration["temperature"]),
        bias=float(calibration["bias"]),
        synthetic=candidates.dataset_index(store, candidate.dataset_digest).synthetic,
        code_digest=candidate.code_digest,
        metrics_uri=f"{prefix}metrics.json",
        card_uri=f"{prefix}card.json",
        report_uri=f"{prefix}report.html",
        start=candidate.start,
    )


def package_card(card: bytes) -> str:
    """Return a model card as a model package takes it."""
    content = json.loads(card)
    overview = content.pop("model_overview", {})
    content.pop("model_package_details", None)
    kept = {name: overview[name] for name in CARD_OVERVIEW if name in overview}
    return json.dumps({**({"model_overview": kept} if kept else {}), **content})


def _lineage(candidate: Candidate) -> dict[str, str]:
    made = {"GeneratedBy": candidate.tuning_job or candidate.training_job, "CommitId": candidate.code_digest}
    return {name: value for name, value in made.items() if value}
