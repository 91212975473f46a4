"""Table of all SageMaker operations and the functions that answer them."""

from __future__ import annotations

from collections.abc import Callable

from embedded_aws.api import tags
from embedded_aws.api.context import Context
from embedded_aws.endpoints import endpoint_config_operations, endpoint_operations
from embedded_aws.models import model_operations
from embedded_aws.processing.processing_operations import PROCESSING
from embedded_aws.registry import model_package_groups, model_packages
from embedded_aws.search import search_operations
from embedded_aws.store.resources import Document
from embedded_aws.training import training_operations
from embedded_aws.training.training_operations import TRAINING
from embedded_aws.transform.transform_operations import TRANSFORM
from embedded_aws.tuning import tuning_operations
from embedded_aws.tuning.tuning_operations import TUNING
from embedded_aws.wire.faults import UnknownOperationException

Handler = Callable[[Context, Document], Document]

HANDLERS: dict[str, Handler] = {
    "CreateTrainingJob": TRAINING.create,
    "DescribeTrainingJob": TRAINING.describe,
    "ListTrainingJobs": training_operations.list_,
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
    "ListTrainingJobsForHyperParameterTuningJob": tuning_operations.list_training_jobs,
    "StopHyperParameterTuningJob": TUNING.stop,
    "DeleteHyperParameterTuningJob": TUNING.delete,
    "CreateModel": model_operations.create,
    "DescribeModel": model_operations.describe,
    "ListModels": model_operations.list_,
    "DeleteModel": model_operations.delete,
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
    "CreateEndpointConfig": endpoint_config_operations.create,
    "DescribeEndpointConfig": endpoint_config_operations.describe,
    "ListEndpointConfigs": endpoint_config_operations.list_,
    "DeleteEndpointConfig": endpoint_config_operations.delete,
    "CreateEndpoint": endpoint_operations.create,
    "UpdateEndpoint": endpoint_operations.update,
    "UpdateEndpointWeightsAndCapacities": endpoint_operations.update_weights_and_capacities,
    "DescribeEndpoint": endpoint_operations.describe,
    "ListEndpoints": endpoint_operations.list_,
    "DeleteEndpoint": endpoint_operations.delete,
    "Search": search_operations.search,
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
