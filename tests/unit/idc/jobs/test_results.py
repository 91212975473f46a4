from __future__ import annotations

import io
import json
import tarfile

import pytest

from idc.errors import UnsafeArtifact
from idc.jobs.results import read_history

HISTORY = {
    "best_epoch": 1,
    "validation": {"roc_auc": 0.8},
    "epochs": [{"epoch": 1, "train": {"loss": 0.5}, "validation": {"roc_auc": 0.8}}],
}


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=packed) as members:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("name", ["history.json", "./history.json"])
def test_the_history_is_found_at_the_root_of_the_output(name: str) -> None:
    assert (
        read_history(archive(**{"curves.png": b"png", name: json.dumps(HISTORY).encode()}), "s3://b/k")
        == HISTORY
    )


def symlink() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=packed) as members:
        member = tarfile.TarInfo("history.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        members.addfile(member)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        archive(),
        archive(**{"deep/history.json": json.dumps(HISTORY).encode()}),
        archive(**{"history.json": b"{"}),
        archive(**{"history.json": b"{}"}),
        archive(**{"history.json": json.dumps(HISTORY).encode()})[:60],
        symlink(),
    ],
)
def test_anything_else_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(UnsafeArtifact, match="s3://b/k"):
        read_history(content, "s3://b/k")
