"""The answers of a transform job, joined to the names of the patches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from idc import layout
from idc.errors import InputError, MissingObject
from idc.evaluate.answers import joined
from idc.storage import ObjectStore

DIGEST, JOB = "d" * 64, "idc-deploy-2026-10-mxnet-0123456789"
NAMES = {
    "train": ["1_idx5_x1_y1_class0.png"],
    "validation": ["2_idx5_x1_y1_class0.png", "2_idx5_x51_y1_class1.png"],
    "test": ["3_idx5_x1_y1_class1.png", "3_idx5_x51_y1_class0.png"],
}
SHARDS = [
    SimpleNamespace(key=f"recordio/{split}/part-00000.rec", format="recordio", split=split) for split in NAMES
]
INDEX: Any = SimpleNamespace(dataset_digest=DIGEST, shards=SHARDS)


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="a-bucket")
        made = ObjectStore(client, "a-bucket")
        for split, names in NAMES.items():
            lines = [f"{at}\t{int('class1' in name)}\t{name}\n" for at, name in enumerate(names)]
            made.put(f"{layout.split_prefix(DIGEST, split)}part-00000.lst", "".join(lines).encode())
        for split, scores in (("validation", (0.25, 0.5)), ("test", (0.75, 0.125))):
            answer(made, split, *(json.dumps({"prediction": [1 - score, score]}) for score in scores))
        yield made


def answer(store: ObjectStore, split: str, *lines: str) -> None:
    key = f"{layout.transform_prefix(JOB)}{split}/part-00000.rec.out"
    store.put(key, "".join(f"{line}\n" for line in lines).encode())


def test_each_answer_is_that_of_the_patch_in_its_place(store: ObjectStore) -> None:
    found = joined(store, INDEX, JOB)

    assert found.patch.tolist() == NAMES["validation"] + NAMES["test"]
    assert found.patient.tolist() == ["2", "2", "3", "3"]
    assert found.label.tolist() == [0, 1, 1, 0]
    assert found.split.tolist() == ["validation", "validation", "test", "test"]
    assert found.probability.tolist() == [0.25, 0.5, 0.75, 0.125]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "none",
        "[0.5, 0.5]",
        '{"prediction": [0.5]}',
        '{"prediction": [0.5, 0.6]}',
        '{"prediction": 1}',
        '{"prediction": [NaN, NaN]}',
        '{"prediction": [1.5, -0.5]}',
        '{"error": "no image"}',
    ],
)
def test_what_is_no_pair_of_probabilities_is_named_with_its_line(store: ObjectStore, line: str) -> None:
    answer(store, "test", '{"prediction": [0.5, 0.5]}', line)

    with pytest.raises(InputError, match=r"test/part-00000\.rec\.out line 2"):
        joined(store, INDEX, JOB)


def test_too_few_answers_are_not_joined(store: ObjectStore) -> None:
    answer(store, "test", '{"prediction": [0.5, 0.5]}')

    with pytest.raises(InputError, match=r"1 answers, expected 2"):
        joined(store, INDEX, JOB)


def test_a_shard_without_answers_is_missed(store: ObjectStore) -> None:
    store.delete(f"{layout.transform_prefix(JOB)}test/part-00000.rec.out")

    with pytest.raises(MissingObject):
        joined(store, INDEX, JOB)
