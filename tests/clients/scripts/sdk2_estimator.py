"""SageMaker SDK 2: a plain estimator with an image of its own, deployed, asked and deleted."""

from __future__ import annotations

from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer
from sdk2_session import IMAGE, ROLE, code, numbers, report, session

sagemaker_session = session()
source = code()
estimator = Estimator(
    image_uri=IMAGE,
    entry_point="train.py",
    source_dir=source,
    role=ROLE,
    instance_type="ml.m5.large",
    instance_count=1,
    hyperparameters={"factor": 3, "epochs": 2},
    tags=[{"Key": "made-by", "Value": "sdk2"}],
    sagemaker_session=sagemaker_session,
)
estimator.fit({"train": TrainingInput(numbers("sdk2/estimator"), content_type="text/csv")}, logs="All")

attached = Estimator.attach(estimator.latest_training_job.name, sagemaker_session=sagemaker_session)
model = Model(
    image_uri=IMAGE,
    model_data=attached.model_data,
    role=ROLE,
    entry_point="inference.py",
    source_dir=source,
    predictor_cls=Predictor,
    sagemaker_session=sagemaker_session,
)
predictor = model.deploy(1, "ml.m5.large", serializer=JSONSerializer(), deserializer=JSONDeserializer())
predictions = predictor.predict([1, 2, 4])
predictor.delete_endpoint()
model.delete_model()

described = attached.latest_training_job.describe()
tags = sagemaker_session.sagemaker_client.list_tags(ResourceArn=described["TrainingJobArn"])["Tags"]
report(
    model_data=attached.model_data,
    predictions=predictions,
    status=described["TrainingJobStatus"],
    tags=tags,
)
