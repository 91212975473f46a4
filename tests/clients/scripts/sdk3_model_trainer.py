"""SageMaker SDK 3: a ModelTrainer runs a script in a training job to its end."""

from __future__ import annotations

import io
import json
import logging
import sys
import tarfile
import tempfile
from pathlib import Path

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode, StoppingCondition

BUCKET, ROLE, IMAGE = sys.argv[1:4]
TRAIN = """
import json, os, pathlib

parameters = json.loads(os.environ["SM_HPS"])
numbers = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "numbers.csv").read_text().split()
total = sum(float(n) for n in numbers) * parameters["factor"]
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps({"total": total}))
print("the last line of the training", flush=True)
"""

logging.basicConfig(level=logging.INFO)
source = Path(tempfile.mkdtemp())
(source / "train.py").write_text(TRAIN)
boto3.client("s3").put_object(Bucket=BUCKET, Key="sdk3/train/numbers.csv", Body=b"1\n2\n3\n4")

trainer = ModelTrainer(
    training_image=IMAGE,
    role=ROLE,
    sagemaker_session=Session(default_bucket=BUCKET),
    source_code=SourceCode(source_dir=str(source), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"factor": 2},
    stopping_condition=StoppingCondition(max_runtime_in_seconds=120),
    base_job_name="sdk3",
)
trainer.train(
    input_data_config=[InputData(channel_name="train", data_source=f"s3://{BUCKET}/sdk3/train")], logs=True
)
job = trainer._latest_training_job
bucket, _, key = job.model_artifacts.s3_model_artifacts.removeprefix("s3://").partition("/")
body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
with tarfile.open(fileobj=io.BytesIO(body)) as archive:
    model = json.load(archive.extractfile("model.json"))
print()
print(
    json.dumps(
        {
            "status": job.training_job_status,
            "channels": sorted(channel.channel_name for channel in job.input_data_config),
            **model,
        }
    )
)
