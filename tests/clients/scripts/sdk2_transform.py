"""SageMaker SDK 2: a trained estimator's transformer over a file of lines."""

from __future__ import annotations

from sagemaker.mxnet import MXNet
from sagemaker.s3 import S3Downloader, S3Uploader
from sdk2_session import BUCKET, ROLE, code, numbers, report, session

sagemaker_session = session()
source = code()
estimator = MXNet(
    entry_point="train.py",
    source_dir=source,
    role=ROLE,
    instance_type="ml.m5.large",
    instance_count=1,
    framework_version="1.9.0",
    py_version="py38",
    hyperparameters={"factor": 2, "epochs": 1},
    sagemaker_session=sagemaker_session,
)
estimator.fit({"train": numbers("sdk2/transform/train")}, logs=False)
S3Uploader.upload_string_as_file_body(
    "1\n2\n4\n", f"s3://{BUCKET}/sdk2/transform/in/lines.csv", sagemaker_session=sagemaker_session
)
transformer = estimator.transformer(
    instance_count=1,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    entry_point="inference.py",
    output_path=f"s3://{BUCKET}/sdk2/transform/out",
)
transformer.transform(
    f"s3://{BUCKET}/sdk2/transform/in", content_type="text/csv", split_type="Line", wait=True, logs=True
)
answers = S3Downloader.read_file(f"s3://{BUCKET}/sdk2/transform/out/lines.csv.out", sagemaker_session)
transformer.delete_model()

report(answers=answers)
