"""A bucket in memory, empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws
from unit.idc.rehearsal import empty_store

from idc.storage import ObjectStore


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield empty_store()
