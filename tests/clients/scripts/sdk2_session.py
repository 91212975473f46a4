"""What the scripts of SageMaker SDK 2 share: the session they work in and the code they send."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import boto3
import sagemaker

BUCKET, ROLE, IMAGE = sys.argv[1:4]

TRAIN = """
import argparse, json, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=float)
parser.add_argument("--epochs", type=int, default=1)
arguments, _ = parser.parse_known_args()
numbers = [float(n) for n in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "numbers.csv").read_text().split()]
for epoch in range(arguments.epochs):
    print(f"epoch={epoch} validation:accuracy={0.5 + epoch / 10}", flush=True)
model = {"factor": arguments.factor, "sum": sum(numbers)}
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model))
print("the last line of the training", flush=True)
"""

INFERENCE = """
import json, os

def model_fn(directory):
    with open(os.path.join(directory, "model.json")) as file:
        return json.load(file)

def transform_fn(model, body, content_type, accept):
    if content_type == "text/csv":
        numbers = [float(n) for n in body.decode().replace("\\n", ",").split(",") if n]
        return "".join(f"{n * model['factor']}\\n" for n in numbers), "text/csv"
    given = json.loads(body)
    numbers = given["instances"] if isinstance(given, dict) else given
    return json.dumps({"predictions": [n * model["factor"] for n in numbers]}), "application/json"
"""


def session() -> sagemaker.Session:
    """A session with a bucket that is there."""
    return sagemaker.Session(default_bucket=BUCKET)


def code() -> str:
    """A folder with a training and an inference script."""
    folder = Path(tempfile.mkdtemp())
    (folder / "train.py").write_text(TRAIN)
    (folder / "inference.py").write_text(INFERENCE)
    return str(folder)


def numbers(prefix: str) -> str:
    """The address of a channel with one file of numbers."""
    body = b"\n".join(str(n).encode() for n in range(1, 5))
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{prefix}/numbers.csv", Body=body)
    return f"s3://{BUCKET}/{prefix}"


def report(**values: object) -> None:
    """Print what the test looks at, as the last line."""
    print()
    print(json.dumps(values))
