from __future__ import annotations

from contextlib import nullcontext

import pytest

from embedded_aws.wire import service
from embedded_aws.wire.faults import SerializationException, UnknownOperationException, ValidationException
from embedded_aws.wire.patterns import compiled


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "größe 1/2 @x", "a\tb"),
        (r"\p{ASCII}*", "plain", "é"),
        (r"\A\S[\p{Print}]*\z", "text/csv", " x"),
        (r"arn:[\p{Alnum}\-]+:lambda", "arn:aws-cn:lambda", "arn:a_b:lambda"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\t😀", "\x01"),
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "a--b", "a-"),
    ],
)
def test_patterns_of_the_model(pattern: str, good: str, bad: str) -> None:
    assert compiled(pattern).fullmatch(good)
    assert not compiled(pattern).fullmatch(bad)


def test_every_pattern_of_both_models_compiles() -> None:
    count = 0
    for api in (service.sagemaker(), service.runtime()):
        for name in api.model.shape_names:
            pattern = api.model.shape_for(name).metadata.get("pattern")
            if pattern is not None:
                compiled(pattern)
                count += 1
    assert count > 400


def test_every_input_can_be_checked() -> None:
    api = service.sagemaker()
    for name in api.model.operation_names:
        operation = api.operation(name)
        required = operation.input_shape.required_members if operation.input_shape else []
        expectation = (
            pytest.raises(ValidationException, match="must not be null") if required else nullcontext()
        )
        with expectation:
            api.validated(operation, {})


def test_nested_members_are_named_by_their_place() -> None:
    api = service.sagemaker()
    operation = api.operation("CreateEndpointConfig")
    request = {
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": "ok"}, {"VariantName": "ok", "InitialInstanceCount": 0}],
    }
    with pytest.raises(ValidationException) as refused:
        api.validated(operation, request)
    assert refused.value.message == (
        "1 validation error detected: Value '0' at 'productionVariants.2.member.initialInstanceCount' failed "
        "to satisfy constraint: Member must have value greater than or equal to 1"
    )


def test_null_members_are_as_if_absent() -> None:
    api = service.sagemaker()
    assert api.validated(api.operation("ListModels"), {"MaxResults": None}) == {}


@pytest.mark.parametrize(
    "body", [b"[", b'{"MaxResults": "5"}', b'{"MaxResults": true}', b'{"MaxResults": 1.5}', b"5"]
)
def test_bodies_of_other_types(body: bytes) -> None:
    api = service.sagemaker()
    with pytest.raises(SerializationException):
        api.read(api.operation("ListModels"), body)


def test_unknown_operation() -> None:
    with pytest.raises(UnknownOperationException, match="CreateNonsense"):
        service.sagemaker().operation("CreateNonsense")


def test_answers_hold_only_what_the_model_knows() -> None:
    api = service.sagemaker()
    document = {"ModelName": "m", "CreationTime": 1.23456, "_own": 1, "ExecutionRoleArn": None, "Surprise": 2}
    assert api.write(api.operation("DescribeModel"), document) == b'{"ModelName":"m","CreationTime":1.235}'
    assert api.write(api.operation("DeleteModel"), {}) == b""
