"""Which function answers which operation."""

from __future__ import annotations

from collections.abc import Callable

from embedded_aws.api import (
    endpoint_configs,
    endpoints,
    model_package_groups,
    model_packages,
    models,
    search,
    tags,
    training,
    tuning,
)
from embedded_aws.api.context import Context
from embedded_aws.api.processing import PROCESSING
from embedded_aws.api.training import TRAINING
from embedded_aws.api.transform import TRANSFORM
from embedded_aws.api.tuning import TUNING
from embedded_aws.store import Document
from embedded_aws.wire.faults import UnknownOperationException

Handler = Callable[[Context, Document], Document]

HANDLERS: dict[str, Handler] = {
    "CreateTrainingJob": TRAINING.create,
    "DescribeTrainingJob": TRAINING.describe,
    "ListTrainingJobs": training.list_,
    "StopTrainingJob": TRAINING.stop,
    "DeleteTrainingJob": TRAINING.delete,
    "CreateProcessingJob": PROCESSING.create,
    "DescribeProcessingJob": PROCESSING.describe,
    "ListProcessingJobs": PROCESSING.list_,
    "StopProcessingJob": PROCESSING.stop,
    "DeleteProcessingJob": PROCESSING.delete,
    "CreateTransformJob": TRANSFORM.create,
    "DescribeTransformJob": TRANSFORM.describe,
    "ListTransformJobs": TRANSFORM.list_,
    "StopTransformJob": TRANSFORM.stop,
    "CreateHyperParameterTuningJob": TUNING.create,
    "DescribeHyperParameterTuningJob": TUNING.describe,
    "ListHyperParameterTuningJobs": TUNING.list_,
    "ListTrainingJobsForHyperParameterTuningJob": tuning.list_training_jobs,
    "StopHyperParameterTuningJob": TUNING.stop,
    "DeleteHyperParameterTuningJob": TUNING.delete,
    "CreateModel": models.create,
    "DescribeModel": models.describe,
    "ListModels": models.list_,
    "DeleteModel": models.delete,
    "CreateModelPackageGroup": model_package_groups.create,
    "DescribeModelPackageGroup": model_package_groups.describe,
    "ListModelPackageGroups": model_package_groups.list_,
    "DeleteModelPackageGroup": model_package_groups.delete,
    "CreateModelPackage": model_packages.create,
    "DescribeModelPackage": model_packages.describe,
    "BatchDescribeModelPackage": model_packages.batch_describe,
    "ListModelPackages": model_packages.list_,
    "UpdateModelPackage": model_packages.update,
    "DeleteModelPackage": model_packages.delete,
    "CreateEndpointConfig": endpoint_configs.create,
    "DescribeEndpointConfig": endpoint_configs.describe,
    "ListEndpointConfigs": endpoint_configs.list_,
    "DeleteEndpointConfig": endpoint_configs.delete,
    "CreateEndpoint": endpoints.create,
    "UpdateEndpoint": endpoints.update,
    "UpdateEndpointWeightsAndCapacities": endpoints.update_weights_and_capacities,
    "DescribeEndpoint": endpoints.describe,
    "ListEndpoints": endpoints.list_,
    "DeleteEndpoint": endpoints.delete,
    "Search": search.search,
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
