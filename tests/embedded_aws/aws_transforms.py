"""Runs batch transform jobs on an embedded AWS."""

from __future__ import annotations

from typing import Any

from aws_jobs import unique
from local_aws import LocalAws, archive, wait_until

UPPER = """
import os, time

def model_fn(model_dir):
    return os.environ.get("ANSWER", "")

def transform_fn(model, body, content_type, accept):
    print(f"asked for {content_type} as {accept} with {len(body)} bytes", flush=True)
    if b"bad" in body:
        raise ValueError("not this record")
    if b"crash" in body:
        raise RuntimeError("out of luck")
    if b"exit" in body:
        os._exit(9)
    if b"hang" in body:
        time.sleep(300)
    if b"who" in body:
        return os.uname().nodename, accept
    if b"environment" in body:
        names = sorted(name for name in os.environ if name.startswith("SAGEMAKER_"))
        return "\\n".join(f"{name}={os.environ[name]}" for name in names), accept
    return model.encode() + body.upper(), accept
"""


class Transforms:
    """Runs transform jobs of short models over short objects."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.s3 = aws.client("s3")

    def model(self, script: str = UPPER, **environment: str) -> str:
        name = unique("model")
        key = f"models/{name}/model.tar.gz"
        self.s3.put_object(Bucket=self.aws.bucket, Key=key, Body=archive(code__inference=script))
        container = {
            "Image": self.aws.image,
            "ModelDataUrl": f"s3://{self.aws.bucket}/{key}",
            "Environment": environment,
        }
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.aws.role_arn
        )
        return name

    def create(self, model: str, objects: dict[str, bytes | str], **changes: Any) -> str:
        """Store the objects below a prefix of the job's own and submit the job; its name."""
        name = unique("transform")
        for key, body in objects.items():
            data = body.encode() if isinstance(body, str) else body
            self.s3.put_object(Bucket=self.aws.bucket, Key=f"{name}/in/{key}", Body=data)
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.aws.bucket}/{name}/in/"}
        source |= changes.pop("S3DataSource", {})
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": changes.pop("InstanceCount", 1)}
        given = {"ContentType": "text/csv", "SplitType": "Line", **changes.pop("TransformInput", {})}
        output = {
            "S3OutputPath": f"s3://{self.aws.bucket}/{name}/out",
            "Accept": "text/csv",
            "AssembleWith": "Line",
            **changes.pop("TransformOutput", {}),
        }
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={"DataSource": {"S3DataSource": source}, **given},
            TransformOutput=output,
            TransformResources=resources,
            **changes,
        )
        return name

    def ended(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job = self.sagemaker.describe_transform_job(TransformJobName=name)
            return job if job["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_until(look)

    def run(self, model: str, objects: dict[str, bytes | str], **changes: Any) -> dict[str, bytes]:
        """Run a job to its good end; the objects it left."""
        name = self.create(model, objects, **changes)
        job = self.ended(name)
        assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
        return self.outputs(name)

    def outputs(self, name: str) -> dict[str, bytes]:
        prefix = f"{name}/out/"
        listed = self.s3.list_objects_v2(Bucket=self.aws.bucket, Prefix=prefix).get("Contents", [])
        return {
            entry["Key"].removeprefix(prefix): self.s3.get_object(Bucket=self.aws.bucket, Key=entry["Key"])[
                "Body"
            ].read()
            for entry in listed
        }
