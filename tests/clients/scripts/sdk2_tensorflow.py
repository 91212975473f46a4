"""SageMaker SDK 2: a TensorFlow estimator trained, deployed, asked and deleted."""

from __future__ import annotations

from sagemaker.tensorflow import TensorFlow
from sdk2_session import ROLE, code, numbers, report, session

source = code()
estimator = TensorFlow(
    entry_point="train.py",
    source_dir=source,
    role=ROLE,
    instance_type="ml.m5.large",
    instance_count=1,
    framework_version="2.19.0",
    py_version="py312",
    hyperparameters={"factor": 4, "epochs": 1},
    sagemaker_session=session(),
)
estimator.fit({"train": numbers("sdk2/tensorflow")})
described = estimator.latest_training_job.describe()

predictor = estimator.deploy(
    initial_instance_count=1, instance_type="ml.m5.large", entry_point="inference.py", source_dir=source
)
predictions = predictor.predict({"instances": [1, 2, 4]})
predictor.delete_model()
predictor.delete_endpoint()

report(
    image=described["AlgorithmSpecification"]["TrainingImage"],
    status=described["TrainingJobStatus"],
    predictions=predictions,
)
