"""Service models of SageMaker and SageMaker Runtime, from botocore."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel

from embedded_aws.wire.faults import SerializationException, UnknownOperationException
from embedded_aws.wire.serialization import shaped
from embedded_aws.wire.validation import Validator


class Service:
    """One service: reads requests of its operations and writes their answers."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._validator = Validator()
        self._names = frozenset(model.operation_names)
        self._operations: dict[str, OperationModel] = {}

    def operation(self, name: str) -> OperationModel:
        """The model of an operation.

        Raises:
            UnknownOperationException: the service has none of that name.
        """
        if name not in self._operations:
            if name not in self._names:
                raise UnknownOperationException(
                    f"The requested operation {name} is not recognized by the service."
                )
            self._operations[name] = self.model.operation_model(name)
        return self._operations[name]

    def read(self, operation: OperationModel, body: bytes) -> dict[str, Any]:
        """The validated input of a request with a JSON body.

        Raises:
            SerializationException: the body is not JSON of the right types.
            ValidationException: a constraint of the model is violated.
        """
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise SerializationException(f"The request body is not JSON: {error}") from error
        return self.validated(operation, request)

    def validated(self, operation: OperationModel, request: Any) -> dict[str, Any]:
        """The input itself, after its check against the model."""
        if operation.input_shape is None:
            return {}
        self._validator.validate(request, operation.input_shape)
        return {name: value for name, value in request.items() if value is not None}

    def write(self, operation: OperationModel, answer: dict[str, Any]) -> bytes:
        """The body of an answer."""
        if operation.output_shape is None:
            return b""
        return json.dumps(shaped(answer, operation.output_shape), separators=(",", ":")).encode()


@cache
def sagemaker() -> Service:
    """Amazon SageMaker."""
    return _load("sagemaker")


@cache
def runtime() -> Service:
    """Amazon SageMaker Runtime."""
    return _load("sagemaker-runtime")


def _load(name: str) -> Service:
    return Service(botocore.session.get_session().get_service_model(name))
