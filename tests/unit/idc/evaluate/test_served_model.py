from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from idc.errors import InputError
from idc.evaluate.served_model import ServedModel

MODEL = ServedModel(
    variant="mxnet",
    partition="2026-10",
    dataset_digest="d" * 64,
    training_job="idc-train-2026-10-mxnet-0123456789",
    tuning_job="",
    model_data="s3://bucket/jobs/job/output/model.tar.gz",
    model_sha256="5" * 64,
    threshold=0.31,
    temperature=1.7,
    bias=-0.4,
    synthetic=True,
    code_digest="c" * 64,
    metrics_uri="s3://bucket/m",
    card_uri="s3://bucket/c",
    report_uri="s3://bucket/r",
)


def test_metadata_comes_back_as_it_was() -> None:
    values = MODEL.to_metadata()

    assert all(isinstance(value, str) and value for value in values.values()), "SageMaker takes no empty one"
    assert ServedModel.from_metadata({**values, "another": "x"}, "arn") == MODEL


@pytest.mark.parametrize("answer", [0.0, 1e-9, 0.2, 0.5, 0.97, 1.0])
def test_an_answer_is_calibrated_as_the_papers_say(answer: float) -> None:
    bounded = np.clip(answer, 1e-6, 1 - 1e-6)

    assert MODEL.calibrated(answer) == pytest.approx(expit(logit(bounded) / 1.7 - 0.4))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("threshold", None, "no threshold"),
        ("temperature", "0", "temperature '0'"),
        ("bias", "nan", "bias 'nan'"),
        ("threshold", "much", "threshold 'much'"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str | None, message: str) -> None:
    values = {key: text for key, text in MODEL.to_metadata().items() if key != name}
    if value is not None:
        values[name] = value

    with pytest.raises(InputError, match=message):
        ServedModel.from_metadata(values, "arn:aws:sagemaker:x:package/1")
