from __future__ import annotations

import pytest

from embedded_aws.channels import Location, relative_path
from embedded_aws.errors import DownloadError


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
    assert str(Location("bucket", "a/").below("x/y")) == "s3://bucket/a/x/y"
    assert str(Location.parse("s3://bucket").below("x")) == "s3://bucket/x"
    for bad in ("http://bucket/a", "bucket/a", "s3:///a"):
        with pytest.raises(DownloadError, match="s3://bucket/key"):
            Location.parse(bad)
