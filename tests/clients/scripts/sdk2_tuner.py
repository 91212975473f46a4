"""SageMaker SDK 2: a tuner that searches, its analytics and its best estimator."""

from __future__ import annotations

from sagemaker.mxnet import MXNet
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter
from sdk2_session import ROLE, code, numbers, report, session

sagemaker_session = session()
estimator = MXNet(
    entry_point="train.py",
    source_dir=code(),
    role=ROLE,
    instance_type="ml.m5.large",
    instance_count=1,
    framework_version="1.9.0",
    py_version="py38",
    hyperparameters={"factor": 2.5},
    sagemaker_session=sagemaker_session,
)
tuner = HyperparameterTuner(
    estimator,
    "validation:accuracy",
    {
        "rate": ContinuousParameter(0.1, 1, scaling_type="Logarithmic"),
        "epochs": IntegerParameter(1, 3),
        "optimizer": CategoricalParameter(["sgd", "adam"]),
    },
    [{"Name": "validation:accuracy", "Regex": r"validation:accuracy=([0-9.]+)"}],
    strategy="Bayesian",
    max_jobs=3,
    max_parallel_jobs=3,
)
tuner.fit({"train": numbers("sdk2/tuner")})

frame = tuner.analytics().dataframe().sort_values("FinalObjectiveValue", ascending=False, kind="stable")
best = tuner.best_training_job()
ordered = sorted(frame["TrainingJobName"], key=lambda name: name != best)
report(
    status=tuner.describe()["HyperParameterTuningJobStatus"],
    best=best,
    jobs=ordered,
    objectives=[float(value) for value in frame["FinalObjectiveValue"]],
    rate=tuner.best_estimator().hyperparameters()["rate"].strip('"'),
)
