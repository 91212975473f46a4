"""Operations of model packages: versions of a group, or packages with a name of their own."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.registry import model_package_groups
from embedded_aws.store.kinds import MODEL_PACKAGE
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ResourceLimitExceeded, ValidationException

ARN_TYPE = "model-package/"
MOST_ADDITIONAL_SPECIFICATIONS = 15
MOST_CUSTOMER_PROPERTIES = 50
TOKEN = "_client_token"  # noqa: S105 (a member's name)
_NOT_KEPT = ("Tags", "ClientToken")
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceUri",
    "ModelLifeCycle",
)
_NAME = "coalesce(document ->> '$.ModelPackageGroupName', name)"
_TYPES = {
    "Versioned": ("document ->> '$.ModelPackageVersion' IS NOT NULL",),
    "Unversioned": ("document ->> '$.ModelPackageVersion' IS NULL",),
    "Both": (),
}


def create(context: Context, request: Document) -> Document:
    """Put a model on record: as the next version of a group, or alone.

    Raises:
        ValidationException: the name is taken, the group absent, or the request says neither or both.
    """
    _check(request)
    with context.store.transaction():
        if before := _answered(context, request):
            return {"ModelPackageArn": before}
        if "ModelPackageGroupName" in request:
            named = _next_version(context, request)
        else:
            name = request["ModelPackageName"]
            named = {"ModelPackageName": name, "ModelPackageArn": context.arn(MODEL_PACKAGE, name)}
        arn = named["ModelPackageArn"]
        if not context.store.insert(MODEL_PACKAGE, _key(arn), arn, _new(request, named, time.time())):
            raise ValidationException(f"Model Package already exists: {arn}")
        tags.attach(context, arn, request.get("Tags", []))
    return {"ModelPackageArn": arn}


def find(context: Context, name_or_arn: str) -> Document:
    """The package of that name or ARN.

    Raises:
        ValidationException: there is none.
    """
    name = name_or_arn.partition(ARN_TYPE)[2] if name_or_arn.startswith("arn:") else name_or_arn
    arn = context.arn(MODEL_PACKAGE, name)
    document = context.store.get(MODEL_PACKAGE, _key(arn))
    if document is None or name_or_arn not in (name, arn):
        raise ValidationException(f"ModelPackage {arn} does not exist.")
    return document


def describe(context: Context, request: Document) -> Document:
    """The whole package."""
    return described(find(context, request["ModelPackageName"]))


def described(document: Document) -> Document:
    """A package as it is described: a version carries its group's name."""
    return {"ModelPackageName": document.get("ModelPackageGroupName"), **document}


def batch_describe(context: Context, request: Document) -> Document:
    """Summaries of several packages, and an error for each that is absent."""
    found, errors = {}, {}
    for arn in request["ModelPackageArnList"]:
        try:
            found[arn] = find(context, arn)
        except ValidationException as error:
            errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


def list_(context: Context, request: Document) -> Document:
    """A page of packages: those without a group unless a group or a type is asked for.

    The newest come first, as the service gives them, although its reference says otherwise.
    """
    conditions: listing.Conditions = []
    kind = request.get("ModelPackageType", "Unversioned")
    if "ModelPackageGroupName" in request:
        group = model_package_groups.find(context, request["ModelPackageGroupName"])
        conditions.append(("document ->> '$.ModelPackageGroupName' = ?", group["ModelPackageGroupName"]))
        kind = "Versioned"
    if "ModelApprovalStatus" in request:
        conditions.append(("document ->> '$.ModelApprovalStatus' = ?", request["ModelApprovalStatus"]))
    if "NameContains" in request:
        conditions.append((f"instr(lower({_NAME}), lower(?)) > 0", request["NameContains"]))
    conditions += [(condition,) for condition in _TYPES[kind]]
    rest = {name: value for name, value in request.items() if name != "NameContains"}
    return listing.page(
        context, MODEL_PACKAGE, rest, "ModelPackageSummaryList", order="Descending", conditions=conditions
    )


def update(context: Context, request: Document) -> Document:
    """Change a package's approval, metadata or specification.

    Raises:
        ValidationException: there is none of that ARN, or an inference specification's name is taken.
    """
    arn = find(context, request["ModelPackageArn"])["ModelPackageArn"]

    def change(document: Document) -> None:
        document |= {name: request[name] for name in _REPLACED if name in request}
        if "ModelCard" in request:
            document["ModelCard"] = {**document.get("ModelCard", {}), **request["ModelCard"]}
        document["LastModifiedBy"] = {}
        _change_properties(document, request)
        _add_specifications(document, request.get("AdditionalInferenceSpecificationsToAdd", []))

    context.store.update(MODEL_PACKAGE, _key(arn), change)
    return {"ModelPackageArn": arn}


def delete(context: Context, request: Document) -> Document:
    """Forget a package; models made from it keep what they need."""
    arn = find(context, request["ModelPackageName"])["ModelPackageArn"]
    context.store.delete(MODEL_PACKAGE, _key(arn))
    return {}


def _check(request: Document) -> None:
    """Rules between members, which the service model does not hold."""
    if "ModelPackageName" in request and "ModelPackageGroupName" in request:
        raise ValidationException(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if "ModelPackageName" not in request and "ModelPackageGroupName" not in request:
        raise ValidationException("Missing ARN.")
    if "ModelPackageGroupName" in request and request.get("Tags"):
        raise ValidationException(
            "Tags cannot be specified for a versioned model package: it has those of its model package group."
        )
    for algorithm in request.get("SourceAlgorithmSpecification", {}).get("SourceAlgorithms", []):
        raise ValidationException(f'Could not find algorithm "{algorithm["AlgorithmName"]}".')
    if "InferenceSpecification" not in request and "ModelPackageName" in request:
        raise ValidationException(
            "Either InferenceSpecification or SourceAlgorithmSpecification must be specified for model "
            f"package {request['ModelPackageName']}."
        )


def _answered(context: Context, request: Document) -> str | None:
    """The package that the same client token asked for before."""
    token = request.get("ClientToken")
    condition = f"kind = ? AND document ->> '$.{TOKEN}' = ?"
    rows = context.store.select(condition, (MODEL_PACKAGE.name, token), "name", 1) if token else []
    return rows[0].arn if rows else None


def _next_version(context: Context, request: Document) -> Document:
    group = model_package_groups.find(context, request["ModelPackageGroupName"])["ModelPackageGroupName"]
    version = model_package_groups.next_version(context, group)
    return {
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": context.arn(MODEL_PACKAGE, f"{group}/{version}"),
        "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
    }


def _new(request: Document, named: Document, now: float) -> Document:
    profiles = request.get("ValidationSpecification", {}).get("ValidationProfiles", [])
    return {
        "CertifyForMarketplace": False,
        **{name: value for name, value in request.items() if name not in _NOT_KEPT},
        **named,
        TOKEN: request.get("ClientToken"),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {
            "ValidationStatuses": [
                {"Name": profile["ProfileName"], "Status": "NotStarted"} for profile in profiles
            ],
            "ImageScanStatuses": [],
        },
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
    }


def _key(arn: str) -> str:
    """The name a package is stored under: versions with leading zeros, so that names sort as versions do."""
    name, _, version = arn.partition(ARN_TYPE)[2].partition("/")
    return f"{name}/{version:0>9}" if version else name


def _change_properties(document: Document, request: Document) -> None:
    removed = request.get("CustomerMetadataPropertiesToRemove", [])
    kept = document.pop("CustomerMetadataProperties", {})
    properties = {name: value for name, value in kept.items() if name not in removed}
    properties |= request.get("CustomerMetadataProperties", {})
    if len(properties) > MOST_CUSTOMER_PROPERTIES:
        raise ResourceLimitExceeded(
            f"The number of customer metadata properties exceeds the limit of {MOST_CUSTOMER_PROPERTIES}."
        )
    if properties:
        document["CustomerMetadataProperties"] = properties


def _add_specifications(document: Document, added: list[Document]) -> None:
    specifications = [*document.get("AdditionalInferenceSpecifications", []), *added]
    names = [specification["Name"] for specification in specifications]
    if len(set(names)) != len(names):
        raise ValidationException(
            f"Duplicate names found in additional inference specifications: {', '.join(names)}"
        )
    if len(names) > MOST_ADDITIONAL_SPECIFICATIONS:
        raise ResourceLimitExceeded(
            "The number of additional inference specifications exceeds the limit of "
            f"{MOST_ADDITIONAL_SPECIFICATIONS}."
        )
    if specifications:
        document["AdditionalInferenceSpecifications"] = specifications
