"""The hierarchy is as drawn, and every error says what, which, what else and what to do."""

from __future__ import annotations

import pickle

import pytest

from idc import errors
from idc.errors import HistoflowError, PermanentError, TransientError


def all_errors(kind: type[HistoflowError] = HistoflowError) -> list[type[HistoflowError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in all_errors(below))]


def test_the_drawing_shows_every_error() -> None:
    drawn = [line.split() for line in (errors.__doc__ or "").splitlines()]
    names = {word for words in drawn for word in words if word.isidentifier() and word[0].isupper()}
    assert {kind.__name__ for kind in all_errors()} <= names


@pytest.mark.parametrize("kind", all_errors(PermanentError) + all_errors(TransientError))
def test_a_retry_either_helps_or_not(kind: type[HistoflowError]) -> None:
    assert issubclass(kind, PermanentError) != issubclass(kind, TransientError)


def test_the_message_is_one_sentence_and_an_advice() -> None:
    error = errors.CorruptShard("shard", "part-00000", "3 records", "4", "Convert again.")
    assert str(error) == "shard part-00000: 3 records, expected 4. Convert again."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
