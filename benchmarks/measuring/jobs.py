"""Run a real training job of each variant on shards of generated patches."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from aws_jobs import Jobs, unique
from local_aws import LocalAws

from idc.converter.records.recordio import RecordIOWriter
from idc.jobs.source import training_source
from measuring.variants import Variant, patches

COUNTS = {"train": 3200, "validation": 256}
BATCH = 64
TIMEOUT_S = 1200
POLL_S = 2.0


def builtin(epochs: int) -> dict[str, str]:
    """Return the built-in algorithm's hyperparameters."""
    return {
        "num_classes": "2",
        "num_training_samples": str(COUNTS["train"]),
        "image_shape": "3,50,50",
        "num_layers": "18",
        "mini_batch_size": str(BATCH),
        "epochs": str(epochs),
        "learning_rate": "0.05",
        "optimizer": "nag",
        "momentum": "0.9",
        "augmentation_type": "crop_color_transform",
    }


def train(aws: LocalAws, variant: Variant, directory: Path, epochs: int) -> tuple[dict[str, Any], list[str]]:
    """Return the description and the log of a training job that completed."""
    members = request(aws, variant, upload(aws, variant, directory), epochs)
    aws.client("sagemaker").create_training_job(**members)
    jobs, name = Jobs(aws), members["TrainingJobName"]
    # Asked rarely: on two cores, twenty answers a second are a twentieth of a training's time.
    ended = jobs.ended(name, TIMEOUT_S, POLL_S)
    log = jobs.log(name)
    if ended["TrainingJobStatus"] != "Completed":
        raise RuntimeError(f"{name}: {ended.get('FailureReason')}\n" + "\n".join(log[-20:]))
    return ended, log


def upload(aws: LocalAws, variant: Variant, directory: Path) -> str:
    """Put both splits into S3 as the variant reads them; return the prefix."""
    prefix = f"benchmark/{variant.suffix}"
    for split, count in COUNTS.items():
        folder = directory / variant.suffix / split
        if not folder.exists():
            made = patches(count)
            if variant.suffix == "rec":
                write_records(folder, made)
            else:
                pairs = [(label, base64.b64encode(image).decode()) for label, image in made]
                variant.by_itself("write", folder=folder, patches=pairs)
        for path in folder.iterdir():
            aws.client("s3").put_object(
                Bucket=aws.bucket, Key=f"{prefix}/{split}/{path.name}", Body=path.read_bytes()
            )
    return f"s3://{aws.bucket}/{prefix}"


def write_records(folder: Path, made: list[tuple[int, bytes]]) -> None:
    """Write one shard with the converter's writer."""
    writer = RecordIOWriter()
    for at, (label, image) in enumerate(made):
        writer.append(label, f"1_idx5_x{at}_y1_class{label}.png", image)
    folder.mkdir(parents=True)
    for suffix, content in writer.files().items():
        (folder / f"part-00000{suffix}").write_bytes(content)


def request(aws: LocalAws, variant: Variant, data: str, epochs: int) -> dict[str, Any]:
    """Return the variant's training job, its data given as the pipeline gives it."""
    kind = {} if variant.suffix == "tfrecord" else {"ContentType": "application/x-recordio"}
    only = "" if variant.is_script else "/part-00000.rec"
    members = Jobs(aws).training_request("", TrainingJobName=unique(variant.name))
    members["AlgorithmSpecification"] = {
        "TrainingImage": variant.training_image,
        "TrainingInputMode": variant.mode,
    }
    members["InputDataConfig"] = [
        {
            "ChannelName": split,
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{data}/{split}{only}"}},
            **kind,
        }
        for split in COUNTS
    ]
    members["StoppingCondition"] = {"MaxRuntimeInSeconds": TIMEOUT_S}
    members["HyperParameters"] = builtin(epochs)
    if variant.is_script:
        key = f"code/{members['TrainingJobName']}.tar.gz"
        archive = training_source(variant.name).archive()
        aws.client("s3").put_object(Bucket=aws.bucket, Key=key, Body=archive)
        members["HyperParameters"] = {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{aws.bucket}/{key}"',
            "epochs": str(epochs),
            "batch-size": str(BATCH),
        }
    return members
