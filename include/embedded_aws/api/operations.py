"""Which function answers which operation."""

from __future__ import annotations

from collections.abc import Callable

from embedded_aws.api import endpoint_configs, endpoints, models, processing, tags, training
from embedded_aws.api.context import Context
from embedded_aws.store import Document
from embedded_aws.wire.faults import UnknownOperationException

Handler = Callable[[Context, Document], Document]

HANDLERS: dict[str, Handler] = {
    "CreateTrainingJob": training.create,
    "DescribeTrainingJob": training.describe,
    "ListTrainingJobs": training.list_,
    "StopTrainingJob": training.stop,
    "CreateProcessingJob": processing.create,
    "DescribeProcessingJob": processing.describe,
    "ListProcessingJobs": processing.list_,
    "StopProcessingJob": processing.stop,
    "CreateModel": models.create,
    "DescribeModel": models.describe,
    "ListModels": models.list_,
    "DeleteModel": models.delete,
    "CreateEndpointConfig": endpoint_configs.create,
    "DescribeEndpointConfig": endpoint_configs.describe,
    "ListEndpointConfigs": endpoint_configs.list_,
    "DeleteEndpointConfig": endpoint_configs.delete,
    "CreateEndpoint": endpoints.create,
    "UpdateEndpoint": endpoints.update,
    "DescribeEndpoint": endpoints.describe,
    "ListEndpoints": endpoints.list_,
    "DeleteEndpoint": endpoints.delete,
    "AddTags": tags.add,
    "ListTags": tags.list_,
    "DeleteTags": tags.delete,
}


def handler(operation: str) -> Handler:
    """The function that answers the operation.

    Raises:
        UnknownOperationException: the embedded AWS does not serve it.
    """
    if operation not in HANDLERS:
        raise UnknownOperationException(
            f"The operation {operation} is not served by the embedded AWS, "
            f"expected one of: {', '.join(HANDLERS)}."
        )
    return HANDLERS[operation]
