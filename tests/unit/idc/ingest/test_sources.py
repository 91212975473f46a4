"""Sources by address: what is refused, what is told of them, and manifests that remember it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import kaggle_server
import pytest
from kaggle_server import Kaggle

from idc.converter.manifest import Manifest
from idc.converter.ranges import FileRanges
from idc.errors import ConfigurationError, MissingObject, ServiceError
from idc.ingest import http_responses
from idc.ingest.checksum import Checksum
from idc.ingest.releases import Release, parse_release
from idc.ingest.sources import StoredSource, SyntheticSource
from idc.ingest.web import open_address

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    monkeypatch.setattr(http_responses, "PAUSE_S", 0.01)
    with kaggle_server.serving({1: CONTENT}) as server:
        yield server


def test_an_address_is_told_without_its_secrets(server: Kaggle) -> None:
    source = open_address(f"{server.address(1)}?X-Amz-Signature=secret")
    assert source.name == server.address(1)
    assert (source.size_bytes, source.identity, source.version) == (len(CONTENT), server.etag(1), None)
    assert b"".join(source.blocks(1000)) == CONTENT[1000:]


@pytest.mark.parametrize(
    ("url", "observed"),
    [
        ("http://example.org/a.zip?key=secret", r"http://example\.org/a\.zip: not HTTPS"),
        ("https://me:secret@example.org/a.zip", r"https://example\.org/a\.zip: holds a user name"),
        ("http://169.254.169.254/latest", "not HTTPS"),
    ],
)
def test_an_address_that_is_not_safe_is_refused_without_a_request(url: str, observed: str) -> None:
    with pytest.raises(ConfigurationError, match=observed) as refusal:
        open_address(url)
    assert "secret" not in str(refusal.value)


def test_a_server_outside_cannot_lead_to_this_machine() -> None:
    guarded = http_responses.GuardedAdapter("https://example.org/a.zip")
    request = http_responses.requests.Request("GET", "http://127.0.0.1:9/a.zip").prepare()
    with pytest.raises(ConfigurationError, match="not HTTPS"):
        guarded.send(request)


def test_what_is_not_there_or_does_not_answer(server: Kaggle) -> None:
    with pytest.raises(MissingObject, match=r"absent\.zip: not there"):
        open_address(server.address(1, "absent.zip"))
    with pytest.raises(ServiceError, match="no answer"):
        open_address("http://127.0.0.1:9/a.zip")


@pytest.mark.parametrize(
    ("uri", "dataset", "version"),
    [("kaggle://o/n", "o/n", None), ("kaggle://o-1/n-2?version=12", "o-1/n-2", 12)],
)
def test_a_release_is_named_by_its_address(uri: str, dataset: str, version: int | None) -> None:
    assert parse_release(uri) == Release(dataset, version)
    assert parse_release(uri).uri == uri


@pytest.mark.parametrize("uri", ["kaggle://o", "kaggle://o/n/m", "kaggle://o/n?version=0", "kaggle://o/../n"])
def test_another_address_is_no_release(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="kaggle://owner/name"):
        parse_release(uri)


def test_a_file_that_changes_is_another(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(CONTENT)
    before = StoredSource(FileRanges(path))
    path.write_bytes(CONTENT + b"x")
    assert StoredSource(FileRanges(path)).identity != before.identity


def test_a_generated_archive_begins_at_its_beginning() -> None:
    source = SyntheticSource("synthetic://", {"patients": 1, "patches": 2, "seed": 3})
    assert source.identity is None
    with pytest.raises(ValueError, match="expected 0"):
        source.blocks(1)


@pytest.mark.parametrize(
    ("announced", "observed"),
    [
        ({}, None),
        ({"md5": "202cb962ac59075b964b07152d234b70"}, None),
        ({"crc32c": "107b2fb2"}, None),
        ({"md5": "0" * 32, "crc32c": "107b2fb2"}, "has md5 202cb962ac59075b964b07152d234b70"),
        ({"crc32c": "00000000"}, "has crc32c 107b2fb2"),
    ],
)
def test_a_checksum_is_compared_with_what_was_announced(
    announced: dict[str, str], observed: str | None
) -> None:
    checksum = Checksum(announced)
    checksum.update(b"1")
    checksum.update(b"23")
    found = checksum.mismatch(3)
    assert found is None if observed is None else found is not None and found[0] == observed
    assert checksum.mismatch(4) == ("3 bytes came", "4 as announced")


def test_a_manifest_from_before_versions_is_read() -> None:
    manifest = Manifest("2026-10", "kaggle://o/n", False, "a" * 64, 1, 2, {"0": 1, "1": 1}, 0, 0, [], 4)
    content = json.loads(manifest.to_json())
    assert Manifest.from_json(json.dumps(content).encode()) == manifest
    del content["version"]
    assert Manifest.from_json(json.dumps(content).encode()).version is None
