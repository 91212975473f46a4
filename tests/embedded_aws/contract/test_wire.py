"""What goes over the wire: signatures, errors and messages as the service gives them."""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from local_aws import LocalAws


def call(
    aws: LocalAws, operation: str, members: Any, headers: dict[str, str] | None = None, sign: bool = True
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """One raw request of the JSON protocol: status, body and headers of its answer."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    sent = {
        "X-Amz-Target": f"SageMaker.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        **(headers or {}),
    }
    request = AWSRequest("POST", aws.endpoint_url + "/", headers=sent, data=body)
    if sign:
        pair = Credentials(aws.env["AWS_ACCESS_KEY_ID"], aws.env["AWS_SECRET_ACCESS_KEY"].strip("'"))
        SigV4Auth(pair, "sagemaker", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", aws.port)
    try:
        connection.request("POST", "/", body=body, headers=dict(request.headers))
        answer = connection.getresponse()
        content = answer.read()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(content) if content else {}, lower
    finally:
        connection.close()


def create(aws: LocalAws, **changes: Any) -> tuple[str, str]:
    """The error code and message CreateTrainingJob gives to a request with these members."""
    request = {
        "TrainingJobName": "a-name",
        "AlgorithmSpecification": {"TrainingImage": aws.image, "TrainingInputMode": "File"},
        "RoleArn": aws.role_arn,
        "OutputDataConfig": {"S3OutputPath": "s3://b/p"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }
    status, body, headers = call(aws, "CreateTrainingJob", {k: v for k, v in request.items() if v is not ...})
    assert status == 400
    assert headers["x-amzn-errortype"] == body["__type"]
    return body["__type"], body["message"]


def test_validation_messages(embedded_aws: LocalAws) -> None:
    refused = "ValidationException"
    pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    prefix = "1 validation error detected: "
    assert create(embedded_aws, TrainingJobName="bad_name") == (
        refused,
        f"{prefix}Value 'bad_name' at 'trainingJobName' failed to satisfy constraint: {pattern}",
    )
    assert create(embedded_aws, RoleArn=...) == (
        refused,
        f"{prefix}Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
    )
    code, message = create(
        embedded_aws, AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "Tape"}
    )
    assert message == (
        f"{prefix}Value 'Tape' at 'algorithmSpecification.trainingInputMode' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Pipe, File, FastFile]"
    )
    code, message = create(embedded_aws, StoppingCondition={"MaxRuntimeInSeconds": 0})
    assert "at 'stoppingCondition.maxRuntimeInSeconds'" in message
    assert "Member must have value greater than or equal to 1" in message
    code, message = create(embedded_aws, HyperParameters={str(number): "x" for number in range(101)})
    assert "at 'hyperParameters'" in message
    assert "Member must have length less than or equal to 100" in message
    code, message = create(embedded_aws, HyperParameters={"k": "x" * 2501})
    assert "Map value must satisfy constraint: [Member must have length less than or equal to 2500" in message
    code, message = create(embedded_aws, HyperParameters={"k": "line\nline"})
    assert "Member must satisfy regular expression pattern: .*" in message
    code, message = create(embedded_aws, Surprise=1)
    assert (code, "'surprise'" in message) == (refused, True)
    code, message = create(embedded_aws, TrainingJobName="x" * 64, RoleArn="r")
    assert message.startswith("4 validation errors detected: ")
    code, message = create(embedded_aws, Tags=[{"Key": "k", "Value": "é-ok"}, {"Key": "", "Value": "v"}])
    assert message.count("validation error") == 1
    assert "at 'tags.2.member.key'" in message


def test_types(embedded_aws: LocalAws) -> None:
    assert create(embedded_aws, TrainingJobName=5)[0] == "SerializationException"
    assert create(embedded_aws, StoppingCondition=[])[0] == "SerializationException"
    assert call(embedded_aws, "CreateTrainingJob", b"{nonsense")[1]["__type"] == "SerializationException"
    assert call(embedded_aws, "CreateTrainingJob", b"[]")[1]["__type"] == "SerializationException"


def test_rules_between_members(embedded_aws: LocalAws) -> None:
    assert "ResourceConfig" in create(embedded_aws, ResourceConfig=...)[1]
    assert "StoppingCondition" in create(embedded_aws, StoppingCondition=...)[1]
    assert (
        "TrainingImage or AlgorithmName"
        in create(embedded_aws, AlgorithmSpecification={"TrainingInputMode": "File"})[1]
    )
    metric = {"Name": "m", "Regex": "("}
    algorithm = {"TrainingImage": "i", "TrainingInputMode": "File", "MetricDefinitions": [metric]}
    assert "Invalid regex" in create(embedded_aws, AlgorithmSpecification=algorithm)[1]


def test_job_names_are_taken_once(jobs: Any) -> None:
    request = jobs.training_request("")
    jobs.sagemaker.create_training_job(**request)
    with pytest.raises(jobs.sagemaker.exceptions.ResourceInUse, match="must be unique within an AWS account"):
        jobs.sagemaker.create_training_job(**request)
    jobs.ended(request["TrainingJobName"])


def test_missing_training_job(jobs: Any) -> None:
    with pytest.raises(ClientError, match="Requested resource not found") as refused:
        jobs.sagemaker.describe_training_job(TrainingJobName="absent")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(jobs.sagemaker.exceptions.ResourceNotFound):
        jobs.sagemaker.stop_training_job(TrainingJobName="absent")


def test_unknown_operations(embedded_aws: LocalAws) -> None:
    for operation in ("CreateNonsense", "CreateNotebookInstance"):
        status, body, _ = call(embedded_aws, operation, {})
        assert (status, body["__type"]) == (400, "UnknownOperationException")
        assert operation in body["message"]


def test_signatures(embedded_aws: LocalAws) -> None:
    status, body, _ = call(embedded_aws, "ListTrainingJobs", {}, sign=False)
    assert (status, body["__type"]) == (400, "MissingAuthenticationTokenException")
    for service, code in {
        "sagemaker": ("UnrecognizedClientException", "InvalidSignatureException"),
        "logs": ("UnrecognizedClientException", "InvalidSignatureException"),
        "sts": ("InvalidClientTokenId", "SignatureDoesNotMatch"),
    }.items():
        operation = {"sagemaker": "list_models", "logs": "describe_log_groups", "sts": "get_caller_identity"}[
            service
        ]
        for changes, expected in zip(
            ({"aws_access_key_id": "AKIAOTHER"}, {"aws_secret_access_key": "other"}), code, strict=True
        ):
            with pytest.raises(ClientError) as refused:
                getattr(embedded_aws.client(service, **changes), operation)()
            assert refused.value.response["Error"]["Code"] == expected
    runtime = embedded_aws.client("sagemaker-runtime", aws_secret_access_key="other")
    with pytest.raises(ClientError, match="signature we calculated does not match"):
        runtime.invoke_endpoint(EndpointName="x", Body=b"")


def test_tampered_body_is_refused(embedded_aws: LocalAws) -> None:
    request = AWSRequest(
        "POST",
        embedded_aws.endpoint_url + "/",
        headers={"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"},
        data=b"{}",
    )
    pair = Credentials(
        embedded_aws.env["AWS_ACCESS_KEY_ID"], embedded_aws.env["AWS_SECRET_ACCESS_KEY"].strip("'")
    )
    SigV4Auth(pair, "sagemaker", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", embedded_aws.port)
    connection.request("POST", "/", body=b'{"MaxResults": 1}', headers=dict(request.headers))
    assert json.loads(connection.getresponse().read())["__type"] == "InvalidSignatureException"
    connection.close()


def test_tags(jobs: Any) -> None:
    name = jobs.train("", Tags=[{"Key": "a", "Value": "1"}])
    arn = jobs.ended(name)["TrainingJobArn"]
    jobs.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    assert jobs.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "a", "Value": "3"},
        {"Key": "b", "Value": "2"},
    ]
    jobs.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "absent"])
    assert jobs.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with pytest.raises(ClientError, match="Could not find resource"):
        jobs.sagemaker.list_tags(ResourceArn=arn + "x")
    with pytest.raises(jobs.sagemaker.exceptions.ResourceLimitExceeded):
        jobs.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": str(n), "Value": ""} for n in range(50)])


def test_other_services_are_there(embedded_aws: LocalAws) -> None:
    assert embedded_aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert embedded_aws.client("iam").get_role(RoleName="TestRole")["Role"]["Arn"] == embedded_aws.role_arn
    secrets = embedded_aws.client("secretsmanager")
    secrets.create_secret(Name="wire", SecretString="é")
    assert secrets.get_secret_value(SecretId="wire")["SecretString"] == "é"
    queue = embedded_aws.client("sqs").create_queue(QueueName="wire")["QueueUrl"]
    assert "wire" in queue


def test_s3_also_through_the_edge(embedded_aws: LocalAws) -> None:
    configuration = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    edge = embedded_aws.client("s3", endpoint_url=embedded_aws.endpoint_url, config=configuration)
    data = bytes(range(256)) * 40_000
    edge.put_object(Bucket=embedded_aws.bucket, Key="edge/ä b+c", Body=data)
    body = embedded_aws.client("s3").get_object(Bucket=embedded_aws.bucket, Key="edge/ä b+c")["Body"].read()
    assert hashlib.sha256(body).digest() == hashlib.sha256(data).digest()
    part = edge.get_object(Bucket=embedded_aws.bucket, Key="edge/ä b+c", Range="bytes=5-9")
    assert part["Body"].read() == data[5:10]
    with pytest.raises(ClientError) as absent:
        edge.head_object(Bucket=embedded_aws.bucket, Key="edge/absent")
    assert absent.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_s3_writes_once_when_asked(embedded_aws: LocalAws) -> None:
    s3 = embedded_aws.client("s3")
    s3.put_object(Bucket=embedded_aws.bucket, Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as second:
        s3.put_object(Bucket=embedded_aws.bucket, Key="once", Body=b"2", IfNoneMatch="*")
    assert second.value.response["Error"]["Code"] == "PreconditionFailed"
    assert s3.get_object(Bucket=embedded_aws.bucket, Key="once")["Body"].read() == b"1"


def test_s3_wants_the_credentials(embedded_aws: LocalAws) -> None:
    anonymous = boto3.session.Session().client(
        "s3",
        endpoint_url=embedded_aws.s3_endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="AKIAOTHER",
        aws_secret_access_key="other",
    )
    with pytest.raises(ClientError):
        anonymous.list_buckets()
