"""CreateModelPackageGroup, DescribeModelPackageGroup, ListModelPackageGroups, DeleteModelPackageGroup."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.store.kinds import MODEL_PACKAGE, MODEL_PACKAGE_GROUP
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ConflictException, ValidationException

LAST_VERSION = "_last_version"


def create(context: Context, request: Document) -> Document:
    """Keep a group; its versions come by CreateModelPackage.

    Raises:
        ValidationException: the name is taken.
    """
    name = request["ModelPackageGroupName"]
    arn = context.arn(MODEL_PACKAGE_GROUP, name)
    document = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": time.time(),
        "CreatedBy": {},
        LAST_VERSION: 0,
    }
    with context.store.transaction():
        if not context.store.insert(MODEL_PACKAGE_GROUP, name, arn, document):
            raise ValidationException(f"Model Package Group already exists: {arn}")
        tags.attach(context, arn, request.get("Tags", []))
    return {"ModelPackageGroupArn": arn}


def find(context: Context, name_or_arn: str) -> Document:
    """The group of that name or ARN.

    Raises:
        ValidationException: there is none.
    """
    name = name_or_arn.rpartition("/")[2]
    arn = context.arn(MODEL_PACKAGE_GROUP, name)
    document = context.store.get(MODEL_PACKAGE_GROUP, name)
    if document is None or name_or_arn not in (name, arn):
        raise ValidationException(f"ModelPackageGroup {arn} does not exist.")
    return document


def next_version(context: Context, group: str) -> int:
    """Count a new version of the group; the number of a deleted one is not given again."""

    def count(document: Document) -> None:
        document[LAST_VERSION] += 1

    document = context.store.update(MODEL_PACKAGE_GROUP, group, count)
    return int((document or {})[LAST_VERSION])


def describe(context: Context, request: Document) -> Document:
    """The whole group."""
    return find(context, request["ModelPackageGroupName"])


def list_(context: Context, request: Document) -> Document:
    """A page of groups."""
    return listing.page(
        context, MODEL_PACKAGE_GROUP, request, "ModelPackageGroupSummaryList", order="Descending"
    )


def delete(context: Context, request: Document) -> Document:
    """Forget an empty group.

    Raises:
        ConflictException: it still has versions.
    """
    with context.store.transaction():
        name = find(context, request["ModelPackageGroupName"])["ModelPackageGroupName"]
        versions = context.store.select(
            "kind = ? AND name >= ? AND name < ?", (MODEL_PACKAGE.name, f"{name}/", f"{name}0"), "name", 1
        )
        if versions:
            raise ConflictException(
                f"Model Package Group: {name} cannot be deleted because it still contains Model Packages"
            )
        context.store.delete(MODEL_PACKAGE_GROUP, name)
    return {}
