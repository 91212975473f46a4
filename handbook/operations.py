"""The page of the embedded AWS's operations, from its table of handlers and the service's own model."""

from __future__ import annotations

import botocore.session
from botocore.model import OperationModel

from embedded_aws.edge.operations import HANDLERS
from handbook.markdown import code, table

_RUNTIME = ("InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream")
_DOCUMENTATION = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_{name}.html"


def pages() -> dict[str, str]:
    """Return the page."""
    parts = (
        "# Operations of the embedded AWS",
        (
            "What the [embedded AWS](../embedded-aws.md) itself answers; requests are held against the "
            "service's own model, and "
            "[known differences](../embedded-aws.md#differences-from-amazons-service) are listed. "
            "Other services are moto's and SeaweedFS's. The table is made from its handlers."
        ),
        "## SageMaker",
        _table("sagemaker", sorted(HANDLERS, key=lambda name: (_noun(name), name))),
        "## SageMaker Runtime",
        _table("sagemaker-runtime", list(_RUNTIME)),
    )
    return {"reference/embedded-aws-operations.md": "\n\n".join(parts)}


def _table(service: str, names: list[str]) -> str:
    model = botocore.session.get_session().get_service_model(service)
    return table(("operation", "required members"), [_row(model.operation_model(name)) for name in names])


def _row(operation: OperationModel) -> tuple[str, str]:
    shape = operation.input_shape
    required = shape.required_members if shape else []
    space = "" if operation.service_model.service_name == "sagemaker" else "runtime_"
    return f"[`{operation.name}`]({_DOCUMENTATION.format(name=space + operation.name)})", ", ".join(
        map(code, required)
    )


def _noun(operation: str) -> str:
    """Return what an operation is about, to keep Create, Describe … of one thing together."""
    for verb in ("BatchDescribe", "Create", "Describe", "List", "Stop", "Update", "Delete", "Add"):
        if operation.startswith(verb):
            return operation.removeprefix(verb).rstrip("s")
    return operation
