from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws.errors import DownloadError
from embedded_aws.s3.transfer import Location, files_below, relative_path


@pytest.mark.parametrize(
    ("key", "prefix", "expected"),
    [
        ("data/train/a.rec", "data/train/", "a.rec"),
        ("data/train/a.rec", "data/train", "a.rec"),
        ("data/train/deep/a.rec", "data/train", "deep/a.rec"),
        ("data/train/a.rec", "data/tr", "train/a.rec"),
        ("data/train/a.rec", "data/train/a.rec", "a.rec"),
        ("a.rec", "", "a.rec"),
        ("train/a", "tr", "train/a"),
    ],
)
def test_relative_path(key: str, prefix: str, expected: str) -> None:
    assert relative_path(key, prefix) == expected


def test_location() -> None:
    assert Location.parse("s3://bucket/a/b") == Location("bucket", "a/b")
    for key in ("d/slide #1.png", "what?.csv", "a b/ä%20"):
        assert Location.parse(f"s3://bucket/{key}") == Location("bucket", key)
    assert str(Location("bucket", "a/").below("x/y")) == "s3://bucket/a/x/y"
    assert str(Location.parse("s3://bucket").below("x")) == "s3://bucket/x"
    for bad in ("http://bucket/a", "bucket/a", "s3:///a"):
        with pytest.raises(DownloadError, match="s3://bucket/key"):
            Location.parse(bad)


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "real" / "deep" / "file").write_text("x")
    (tmp_path / "real" / "link").symlink_to("/etc/hostname")
    (tmp_path / "real" / "tree").symlink_to("/etc")
    (tmp_path / "top").symlink_to(tmp_path / "real")
    assert [name for name, _ in files_below(tmp_path / "real")] == ["deep/file"]
    assert list(files_below(tmp_path / "top")) == []
