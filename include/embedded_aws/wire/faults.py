"""Service errors: the code and status that clients receive."""

from __future__ import annotations


class ServiceFault(Exception):
    """An error answer of a service; the message is what the client reads."""

    code = "InternalFailure"
    status = 500

    def __init__(self, message: str, **members: object) -> None:
        super().__init__(message)
        self.message = message
        self.members = members


class ValidationException(ServiceFault):
    """The request, or what it refers to, is not as it must be."""

    code, status = "ValidationException", 400


class SerializationException(ServiceFault):
    """The request's body cannot be read as the operation's input."""

    code, status = "SerializationException", 400


class UnknownOperationException(ServiceFault):
    """The service has no such operation, or this one does not serve it."""

    code, status = "UnknownOperationException", 400


class ResourceInUse(ServiceFault):
    """The name is taken, or the resource is busy."""

    code, status = "ResourceInUse", 400


class ResourceNotFound(ServiceFault):
    """The resource does not exist."""

    code, status = "ResourceNotFound", 400


class ConflictException(ServiceFault):
    """The resource cannot be changed as long as others depend on it."""

    code, status = "ConflictException", 400


class ResourceLimitExceeded(ServiceFault):
    """An account's quota is used up."""

    code, status = "ResourceLimitExceeded", 400


class MissingAuthenticationToken(ServiceFault):
    """The request is not signed."""

    code, status = "MissingAuthenticationTokenException", 403


class UnrecognizedClient(ServiceFault):
    """The access key is not the configured one."""

    code, status = "UnrecognizedClientException", 403


class InvalidSignature(ServiceFault):
    """The signature is not that of the configured secret, or it is too old."""

    code, status = "InvalidSignatureException", 403


class RequestTooLarge(ServiceFault):
    """The body is larger than the service reads."""

    code, status = "RequestEntityTooLargeException", 413


class ValidationError(ServiceFault):
    """SageMaker Runtime's name for a request it refuses."""

    code, status = "ValidationError", 400


class ModelError(ServiceFault):
    """The model's container answered with an error, or not in time."""

    code, status = "ModelError", 424


class ServiceUnavailable(ServiceFault):
    """The service cannot answer just now."""

    code, status = "ServiceUnavailable", 503


class ThrottlingException(ServiceFault):
    """Requests come faster than the service takes them."""

    code, status = "ThrottlingException", 400
