"""Filters and joins, with the examples of the service's own guide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embedded_aws.transform.association import Association
from embedded_aws.transform.json_paths import Path, is_path
from embedded_aws.transform.records import Record
from embedded_aws.transform.transform_failures import BadRecord

ROW = ["id", "a", "b", "c", "d", "0.9"]
DOCUMENT = {"id": 7, "features": [1, 2, 3], "deep": {"a": 1, "b": 2}, "SageMakerOutput": 0.5}


def record(data: str) -> Record:
    return Record(data.encode(), data.encode(), data.encode())


@pytest.mark.parametrize(
    ("path", "value", "picked"),
    [
        ("$", ROW, ROW),
        ("$[1:]", ROW, ROW[1:]),
        ("$[0]", ROW, "id"),
        ("$[-1]", ROW, "0.9"),
        ("$[0,-1]", ROW, ["id", "0.9"]),
        ("$[0,5:]", ROW, ["id", "0.9"]),
        ("$[0:2, 5:]", ROW, ["id", "a", "0.9"]),
        ("$[:-1]", ROW, ROW[:-1]),
        ("$.features", DOCUMENT, [1, 2, 3]),
        ("$.features[0]", DOCUMENT, 1),
        ("$.features[1:]", DOCUMENT, [2, 3]),
        ("$.features[0,1:]", DOCUMENT, [1, 2, 3]),
        ("$['id','SageMakerOutput']", DOCUMENT, {"id": 7, "SageMakerOutput": 0.5}),
        ("$.deep.['a','b']", DOCUMENT, {"a": 1, "b": 2}),
        ("$['deep']['a']", DOCUMENT, 1),
        ("$.SageMakerOutput", DOCUMENT, 0.5),
    ],
)
def test_paths(path: str, value: Any, picked: Any) -> None:
    assert Path(path).pick(value) == picked


@pytest.mark.parametrize("path", ["$[6]", "$[0,9]", "$.absent"])
def test_what_is_not_there_is_an_error(path: str) -> None:
    with pytest.raises(BadRecord, match="selects nothing"):
        Path(path).pick(ROW)


def test_what_is_no_path() -> None:
    assert [is_path(text) for text in ("$", "$.a[1:]", "$[", "a", "", "$.a b")] == [True, True] + 4 * [False]


def associate(options: dict[str, str], batch: list[str], answer: str, content_type: str) -> str:
    association = Association(options, content_type, content_type)
    return association.associated([record(item) for item in batch], answer.encode()).decode()


def test_csv() -> None:
    options = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    association = Association(options, "text/csv; charset=utf-8", "text/csv")
    assert association.filtered(record('7,"a, b",c')).data == b'"a, b",c'
    assert associate(options, ["7,1,2", "8,3,4"], "0.1\n0.2\n", "text/csv") == "7,0.1\n8,0.2"
    assert associate({"JoinSource": "Input"}, ["1,2,3"], "1", "text/csv") == "1,2,3,1"
    assert associate({"OutputFilter": "$[1:]"}, [], "1,2\n3,4\n", "text/csv") == "2\n4"


def test_json() -> None:
    options = {"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    association = Association({"InputFilter": "$.features"}, "application/json", "application/json")
    assert association.filtered(record('{"id": 1, "features": [2, 3]}')).data == b"[2, 3]"
    joined = associate(options, ['{"id": 1, "x": 2}'], '{"label": 1}', "application/json")
    assert json.loads(joined) == {"id": 1, "SageMakerOutput": {"label": 1}}
    joined = associate({"JoinSource": "Input"}, ["[1, 2]"], "[0.5]", "application/json")
    assert json.loads(joined) == {"SageMakerInput": [1, 2], "SageMakerOutput": [0.5]}


@pytest.mark.parametrize("answer", ["1\n2\n", "[1, 2]"])
@pytest.mark.parametrize("content_type", ["application/json", "application/jsonlines"])
def test_several_documents_in_one_request(answer: str, content_type: str) -> None:
    joined = associate({"JoinSource": "Input"}, ['{"a": 1}', '{"a": 2}'], answer, content_type)
    assert [json.loads(line) for line in joined.splitlines()] == [
        {"a": 1, "SageMakerOutput": 1},
        {"a": 2, "SageMakerOutput": 2},
    ]


def test_without_options_no_byte_changes() -> None:
    assert associate({}, ["\xff"], "any\n\n", "image/png") == "any\n\n"
    kept = record("any")
    assert Association({}, "image/png", "").filtered(kept) is kept


def test_what_does_not_fit() -> None:
    with pytest.raises(BadRecord, match="2 records in the output, 1 in the input"):
        associate({"JoinSource": "Input"}, ["1,2"], "1\n2\n", "text/csv")
    with pytest.raises(BadRecord, match="expected CSV or JSON"):
        associate({"JoinSource": "Input"}, ["x"], "y", "image/png")
    with pytest.raises(BadRecord, match="Unable to decode payload as application/json"):
        associate({"JoinSource": "Input"}, ["x"], "{", "application/json")
