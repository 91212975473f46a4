"""Search: finds resources by an expression over their properties; sorted, in pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.model import StructureShape

from embedded_aws.api import tags
from embedded_aws.api.context import Context
from embedded_aws.registry import model_packages
from embedded_aws.search import expressions
from embedded_aws.store import kinds
from embedded_aws.store.resources import Document, Kind, Row
from embedded_aws.wire import service
from embedded_aws.wire.faults import ValidationException

DEFAULT_PAGE = 10
DEFAULT_SORT = "LastModifiedTime"
METRICS = "Metrics"
Key = tuple[int, Any, str]


def _unchanged(_context: Context, document: Document) -> Document:
    return document


def _described_package(_context: Context, package: Document) -> Document:
    return model_packages.described(package)


def _on_the_dashboard(context: Context, model: Document) -> Document:
    """A model as the console's dashboard has it: with the endpoints that serve it."""
    rows = context.store.select("kind = ?", (kinds.ENDPOINT.name,), "created", -1)
    name = model["ModelName"]
    return {"Model": model, "Endpoints": [row.document for row in rows if name in _models_of(context, row)]}


def _models_of(context: Context, endpoint: Row) -> list[str]:
    config = context.store.get(kinds.ENDPOINT_CONFIG, endpoint.document["EndpointConfigName"]) or {}
    return [variant.get("ModelName", "") for variant in config.get("ProductionVariants", [])]


@dataclass(frozen=True)
class Resource:
    """A sort of resource that can be searched for, the shape of its record and how that is made."""

    kind: Kind
    shown: Callable[[Context, Document], Document] = _unchanged

    @property
    def properties(self) -> frozenset[str]:
        """The names a filter may begin with."""
        shape = service.sagemaker().model.shape_for(self.kind.name)
        assert isinstance(shape, StructureShape)
        return frozenset(shape.members) | {METRICS, self.kind.name}


@dataclass(frozen=True)
class Found:
    """A resource as it is answered, and as filters see it: tags and metrics by their names."""

    arn: str
    document: Document
    view: Document


RESOURCES = {
    resource.kind.name: resource
    for resource in (
        Resource(kinds.TRAINING_JOB),
        Resource(kinds.MODEL, _on_the_dashboard),
        Resource(kinds.MODEL_PACKAGE, _described_package),
        Resource(kinds.MODEL_PACKAGE_GROUP),
        Resource(kinds.ENDPOINT),
    )
}


def search(context: Context, request: Document) -> Document:
    """A page of what satisfies the expression; of resources not kept here there are none.

    Raises:
        ValidationException: the expression or the token cannot be understood.
    """
    name = request["Resource"]
    resource = RESOURCES.get(name)
    if resource is None or request.get("CrossAccountFilterOption") == "CrossAccount":
        return {"Results": [], "TotalHits": {"Value": 0, "Relation": "EqualTo"}}
    expression = request.get("SearchExpression")
    if expression is not None:
        expressions.check(expression, resource.properties)
    everything = _everything(context, resource.kind)
    found = [item for item in everything if expression is None or expressions.is_met(expression, item.view)]
    page, token = _page(found, request)
    answer: Document = {
        "Results": [{name: resource.shown(context, item.document)} for item in page],
        "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
    }
    return {**answer, "NextToken": token} if token else answer


def _everything(context: Context, kind: Kind) -> list[Found]:
    tagged = tags.of_all(context)
    return [
        _found(kind, row, tagged.get(row.arn, {}))
        for row in context.store.select("kind = ?", (kind.name,), "created, name", -1)
    ]


def _found(kind: Kind, row: Row, own_tags: dict[str, str]) -> Found:
    document = {
        DEFAULT_SORT: row.modified,
        **row.document,
        "Tags": [{"Key": key, "Value": value} for key, value in own_tags.items()],
    }
    metrics = {item["MetricName"]: item["Value"] for item in document.get("FinalMetricDataList", [])}
    view = {**document, "Tags": own_tags, METRICS: metrics, kind.name: document}
    return Found(row.arn, document, view)


def _page(found: list[Found], request: Document) -> tuple[list[Found], str]:
    """The page after the token's place, and the next one's token if there is more."""
    sort_by = request.get("SortBy", DEFAULT_SORT)
    is_descending = request.get("SortOrder", "Descending") == "Descending"
    keyed = sorted(((_key(item, sort_by), item) for item in found), key=lambda pair: pair[0])
    if is_descending:
        keyed.reverse()
    if "NextToken" in request:
        place = _place(request["NextToken"])
        keyed = [pair for pair in keyed if (pair[0] < place if is_descending else pair[0] > place)]
    size = request.get("MaxResults", DEFAULT_PAGE)
    page = keyed[:size]
    token = base64.urlsafe_b64encode(json.dumps(page[-1][0]).encode()).decode() if len(keyed) > size else ""
    return [item for _, item in page], token


def _key(item: Found, sort_by: str) -> Key:
    """Where a resource stands: those without the property first, then numbers, then texts."""
    value = next(iter(expressions.values(item.view, sort_by)), None)
    if value is None:
        return 0, 0, item.arn
    return (1, value, item.arn) if isinstance(value, (int, float)) else (2, str(value), item.arn)


def _place(token: str) -> Key:
    try:
        rank, value, arn = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError) as error:
        raise ValidationException("Invalid NextToken: it is not one this service gave.") from error
    return rank, value, arn
