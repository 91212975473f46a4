"""Filters input and output of a batch transform, and joins each record with its prediction.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from embedded_aws.store.resources import Document
from embedded_aws.transform.json_paths import WHOLE, Path
from embedded_aws.transform.records import Record
from embedded_aws.transform.transform_failures import BadRecord

CSV, JSON = "text/csv", "application/json"
JSON_LINES = ("application/jsonlines", "application/x-jsonlines", "application/json-lines")
INPUT, OUTPUT = "SageMakerInput", "SageMakerOutput"


class Association:
    """The DataProcessing of a job; without one every byte passes as it is."""

    def __init__(self, options: Document, content_type: str, accept: str) -> None:
        self._input = Path(options.get("InputFilter", WHOLE))
        self._output = Path(options.get("OutputFilter", WHOLE))
        self._is_joined = options.get("JoinSource", "None") == "Input"
        self._content_type = _plain(content_type)
        self._accept = _plain(accept) or self._content_type

    def filtered(self, record: Record) -> Record:
        """The record as the model is to see it.

        Raises:
            BadRecord: it is not of its content type, or the filter picks nothing.
        """
        if self._input.is_whole:
            return record
        rows = _parsed(record.data, self._content_type)
        data = _text([self._input.pick(row) for row in rows], self._content_type)
        return Record(data, data, record.source)

    def associated(self, batch: list[Record], answer: bytes) -> bytes:
        """The answer to a request made of these records, joined with them and filtered.

        Raises:
            BadRecord: an answer's records are not as many as the request's, or the filter picks nothing.
        """
        if not self._is_joined and self._output.is_whole:
            return answer
        predictions = _parsed(answer, self._accept)
        if self._is_joined:
            rows = [row for record in batch for row in _parsed(record.source, self._content_type)]
            predictions = _aligned(predictions, len(rows))
            predictions = [self._join(row, mine) for row, mine in zip(rows, predictions, strict=True)]
        return _text([self._output.pick(row) for row in predictions], self._accept)

    def _join(self, row: Any, prediction: Any) -> Any:
        if self._content_type == CSV:
            return [*row, *(prediction if isinstance(prediction, list) else [prediction])]
        return {**(row if isinstance(row, dict) else {INPUT: row}), OUTPUT: prediction}


def _aligned(predictions: list[Any], count: int) -> list[Any]:
    """One prediction a record; a JSON array of as many elements as there are records is taken apart."""
    if count != 1 and len(predictions) == 1 and isinstance(predictions[0], list):
        predictions = predictions[0]
    if len(predictions) != count:
        raise BadRecord(f"Unable to join: {len(predictions)} records in the output, {count} in the input")
    return predictions


def _parsed(data: bytes, content_type: str) -> list[Any]:
    """The records of a text: rows of a CSV, documents of JSON."""
    try:
        text = data.decode()
        if content_type == CSV:
            return [row for row in csv.reader(io.StringIO(text)) if row]
        if content_type in JSON_LINES:
            return _documents(text)
        if content_type == JSON:
            try:
                return [json.loads(text)]
            except ValueError:
                return _documents(text)
    except (ValueError, csv.Error) as error:
        raise BadRecord(f"Unable to decode payload as {content_type}: {error}") from error
    raise BadRecord(f"DataProcessing of {content_type or 'no content type'}: expected CSV or JSON")


def _documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _text(rows: list[Any], content_type: str) -> bytes:
    if content_type != CSV:
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(row if isinstance(row, list) else [row] for row in rows)
    return lines.getvalue().removesuffix("\n").encode()


def _plain(content_type: str) -> str:
    """A content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()
