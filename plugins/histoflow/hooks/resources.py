"""Create and delete the models and configurations that jobs and endpoints need."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from histoflow.hooks.aws import AwsHook, aws_errors
from idc.aws_errors import Meaning, meaning
from idc.errors import HistoflowError, RequestRejected


class ResourceHook(AwsHook):
    """Creates missing resources of SageMaker and deletes unused ones; names follow from the requests."""

    def __init__(self, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None) -> None:
        """Use the connection `aws_conn_id`, in `region_name` unless the environment says which."""
        super().__init__("sagemaker", aws_conn_id=aws_conn_id, region_name=region_name)

    def ensure(self, resource: str, key: str, request: dict[str, Any]) -> None:
        """Create `resource`, as boto3's methods spell it, unless there is one of the name in `request[key]`.

        Raises:
            RequestRejected: SageMaker refused the request.
            ServiceError: SageMaker could not be reached.
        """
        name = request[key]
        if self.describe(resource, key, name) is None and self._create_resource(resource, key, request):
            self.log.info("Created the %s %s.", resource.replace("_", " "), name)
            return
        self.log.info("The %s %s exists.", resource.replace("_", " "), name)

    def delete_model(self, name: str) -> None:
        """Delete the model of this name, if there is one.

        Raises:
            RequestRejected: SageMaker refused the request.
            ServiceError: SageMaker could not be reached.
        """
        try:
            with aws_errors("model", name):
                self.api.delete_model(ModelName=name)
        except HistoflowError as error:
            raise_unless_absent(error)
            return
        self.log.info("Deleted the unused model %s.", name)

    def describe(self, resource: str, key: str, name: str) -> dict[str, Any] | None:
        """Return what SageMaker says of a resource, None if there is none of this name."""
        try:
            with aws_errors(resource, name):
                answer: dict[str, Any] = getattr(self.api, f"describe_{resource}")(**{key: name})
                return answer
        except HistoflowError as error:
            raise_unless_absent(error)
            return None

    def _create_resource(self, resource: str, key: str, request: dict[str, Any]) -> bool:
        """Create the resource; return False if another task has created it meanwhile."""
        try:
            with aws_errors(resource, request[key]):
                getattr(self.api, f"create_{resource}")(**request)
        except RequestRejected:
            if self.describe(resource, key, request[key]) is None:
                raise
            return False
        return True


def raise_unless_absent(error: HistoflowError) -> None:
    """Raise `error` unless it says that something does not exist."""
    if not (isinstance(error.__cause__, ClientError) and meaning(error.__cause__) is Meaning.ABSENT):
        raise error
