"""Batch transform of CSV, JSON, RecordIO and TFRecord: filters, joins and framing through the service."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from aws_transforms import Transforms
from local_aws import LocalAws

from embedded_aws.jobs.pipe_recordio import wrapped

SUM = """
import json

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    if content_type == "text/csv":
        rows = [[float(cell) for cell in line.split(",")] for line in body.decode().splitlines()]
        return "".join(f"{sum(row):g}\\n" for row in rows), accept
    if content_type == "application/x-bytes":
        return json.dumps(list(body)), accept
    return json.dumps({"sum": sum(json.loads(body))}), accept
"""
JSON = {"ContentType": "application/json"}
ACCEPT_JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def transforms(embedded_aws: LocalAws) -> Transforms:
    return Transforms(embedded_aws)


@pytest.fixture(scope="module")
def model(transforms: Transforms) -> str:
    return transforms.model(SUM)


def lines(body: bytes) -> list[Any]:
    return [json.loads(line) for line in body.splitlines()]


def test_csv_is_filtered_joined_and_filtered(transforms: Transforms, model: str) -> None:
    outputs = transforms.run(
        model,
        {"a.csv": "x,1,2\ny,3,4\n", "b.csv": "z,5,6\n"},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert outputs == {"a.csv.out": b"x,3\ny,7\n", "b.csv.out": b"z,11\n"}


def test_json_lines_are_joined(transforms: Transforms, model: str) -> None:
    outputs = transforms.run(
        model,
        {"a.jsonl": '{"id": 1, "features": [1, 2]}\n{"id": 2, "features": [3, 4]}\n'},
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=2,
        TransformInput=JSON,
        TransformOutput=ACCEPT_JSON,
        DataProcessing={
            "InputFilter": "$.features",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    )
    assert lines(outputs["a.jsonl.out"]) == [
        {"id": 1, "SageMakerOutput": {"sum": 3}},
        {"id": 2, "SageMakerOutput": {"sum": 7}},
    ]


def test_a_json_document_is_joined(transforms: Transforms, model: str) -> None:
    outputs = transforms.run(
        model,
        {"a.json": "[1, 2]"},
        TransformInput={**JSON, "SplitType": "None"},
        TransformOutput={**ACCEPT_JSON, "AssembleWith": "None"},
        DataProcessing={"JoinSource": "Input"},
    )
    assert lines(outputs["a.json.out"]) == [{"SageMakerInput": [1, 2], "SageMakerOutput": {"sum": 3}}]


def test_a_filter_that_selects_nothing_fails(transforms: Transforms, model: str) -> None:
    name = transforms.create(model, {"a.csv": "1,2\n"}, DataProcessing={"InputFilter": "$[7:]"})
    assert "$[7:] selects nothing of a record" in transforms.ended(name)["FailureReason"]


def test_binary_records_lose_their_framing_only_alone(transforms: Transforms, model: str) -> None:
    def tfrecord(data: bytes) -> bytes:
        return struct.pack("<QI", len(data), 0) + data + bytes(4)

    for split_type, frame in (("RecordIO", wrapped), ("TFRecord", tfrecord)):
        body = frame(b"abc") + frame(b"de")
        for strategy, sent in (("SingleRecord", [b"abc", b"de"]), ("MultiRecord", [body])):
            outputs = transforms.run(
                model,
                {"a": body},
                BatchStrategy=strategy,
                TransformInput={"ContentType": "application/x-bytes", "SplitType": split_type},
                TransformOutput=ACCEPT_JSON,
            )
            assert lines(outputs["a.out"]) == [list(data) for data in sent]
