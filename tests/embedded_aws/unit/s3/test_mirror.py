from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embedded_aws.s3 import mirror
from embedded_aws.s3.mirror import Mirror
from embedded_aws.s3.transfer import Location


class Uploads:
    """Takes the place of S3 and remembers what it was given."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def upload_file(self, file: str, bucket: str, key: str, **_options: Any) -> None:
        self.keys.append(f"{bucket}/{key}={Path(file).read_text()}")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(mirror, "PERIOD_S", 3600)
    return Uploads()


def test_what_was_there_and_what_did_not_change_is_not_uploaded(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "restored").write_text("old")
    (tmp_path / "changed").write_text("old")
    copy = Mirror(s3, [tmp_path], Location("b", "p"))
    (tmp_path / "changed").write_text("new!")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "made").write_text("made")
    (tmp_path / "link").symlink_to("/etc/hostname")
    copy.close()
    assert sorted(s3.keys) == ["b/p/changed=new!", "b/p/deep/made=made"]


def test_a_file_that_grows_waits(s3: Any, tmp_path: Path) -> None:
    copy = Mirror(s3, [tmp_path], Location("b", "p"))
    growing = tmp_path / "growing"
    for text in ("a", "ab", "abc"):
        growing.write_text(text)
        copy._advance(is_last=False)
    assert s3.keys == []
    copy._advance(is_last=False)
    assert s3.keys == ["b/p/growing=abc"]
    copy.close()
    assert len(s3.keys) == 1
