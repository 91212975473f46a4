"""SageMaker SDK 2: an MXNet estimator trained, deployed, asked and deleted."""

from __future__ import annotations

from sagemaker.mxnet import MXNet
from sdk2_session import ROLE, code, numbers, report, session

estimator = MXNet(
    entry_point="train.py",
    source_dir=code(),
    role=ROLE,
    instance_type="ml.m5.large",
    instance_count=1,
    framework_version="1.9.0",
    py_version="py38",
    hyperparameters={"factor": 2.5, "epochs": 3},
    metric_definitions=[{"Name": "validation:accuracy", "Regex": r"validation:accuracy=([0-9.]+)"}],
    sagemaker_session=session(),
)
estimator.fit({"train": numbers("sdk2/mxnet")})
described = estimator.latest_training_job.describe()

predictor = estimator.deploy(
    initial_instance_count=1, instance_type="ml.m5.large", entry_point="inference.py"
)
predictions = predictor.predict([1, 2, 4])
predictor.delete_model()
predictor.delete_endpoint()

report(
    image=described["AlgorithmSpecification"]["TrainingImage"],
    status=described["TrainingJobStatus"],
    metrics={metric["MetricName"]: metric["Value"] for metric in described["FinalMetricDataList"]},
    predictions=predictions,
)
