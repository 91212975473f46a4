"""AddTags, ListTags, DeleteTags, and tags given at creation."""

from __future__ import annotations

from embedded_aws.api.context import Context
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ResourceLimitExceeded, ValidationException

MOST_TAGS = 50


def attach(context: Context, arn: str, tags: list[dict[str, str]]) -> None:
    """Set tags of a resource, over those of the same keys.

    Raises:
        ResourceLimitExceeded: it would have more than fifty.
        ValidationException: a key occurs twice, or is one of AWS's own.
    """
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) != len(keys):
        raise ValidationException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for key in keys:
        if key.lower().startswith("aws:"):
            raise ValidationException(f"Tag key {key} is invalid: the prefix aws: is reserved for AWS use.")
    with context.store.transaction():
        for tag in tags:
            context.store.execute(
                "INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", (arn, tag["Key"], tag["Value"])
            )
        if len(_tags(context, arn)) > MOST_TAGS:
            raise ResourceLimitExceeded(f"The number of tags of {arn} exceeds the limit of {MOST_TAGS}.")


def add(context: Context, request: Document) -> Document:
    """AddTags."""
    _check_known(context, request["ResourceArn"])
    attach(context, request["ResourceArn"], request["Tags"])
    return {"Tags": _tags(context, request["ResourceArn"])}


def list_(context: Context, request: Document) -> Document:
    """ListTags; a resource's tags always fit one page."""
    _check_known(context, request["ResourceArn"])
    return {"Tags": _tags(context, request["ResourceArn"])}


def delete(context: Context, request: Document) -> Document:
    """DeleteTags."""
    _check_known(context, request["ResourceArn"])
    with context.store.transaction():
        for key in request["TagKeys"]:
            context.store.execute("DELETE FROM tag WHERE arn = ? AND key = ?", (request["ResourceArn"], key))
    return {}


def of_all(context: Context) -> dict[str, dict[str, str]]:
    """The tags of every resource by its ARN."""
    found: dict[str, dict[str, str]] = {}
    for arn, key, value in context.store.query("SELECT arn, key, value FROM tag ORDER BY arn, key"):
        found.setdefault(arn, {})[key] = value
    return found


def _tags(context: Context, arn: str) -> list[dict[str, str]]:
    rows = context.store.query("SELECT key, value FROM tag WHERE arn = ? ORDER BY key", (arn,))
    return [{"Key": key, "Value": value} for key, value in rows]


def _check_known(context: Context, arn: str) -> None:
    if not context.store.has_arn(arn):
        raise ValidationException(f"Could not find resource with ARN: {arn}")
