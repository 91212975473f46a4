"""The store of a rehearsal, empty and with what earlier stages left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws
from unit.idc.rehearsal import (
    contents,
    empty_store,
    filled,
    trained,
)

from idc.storage import ObjectStore
from idc.train import candidates


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield empty_store()


@pytest.fixture
def snapshot(store: ObjectStore) -> ObjectStore:
    return filled(store, contents()[1])


@pytest.fixture
def dataset(store: ObjectStore) -> str:
    digest, _, objects = contents()
    filled(store, objects)
    return digest


@pytest.fixture
def candidate(snapshot: ObjectStore, dataset: str) -> candidates.Candidate:
    return trained(snapshot, "mxnet")[0]
