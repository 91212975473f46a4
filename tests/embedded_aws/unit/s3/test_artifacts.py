from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from embedded_aws.errors import UnsafeArtifact
from embedded_aws.s3 import artifacts


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_packs_files_and_unpacks_them(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "code").mkdir(parents=True)
    (source / "code" / "a.py").write_text("a")
    (source / "weights").write_bytes(b"w" * 100_000)
    (source / "link").symlink_to("/etc/passwd")
    assert artifacts.pack(source, tmp_path / "model.tar.gz")
    artifacts.unpack(tmp_path / "model.tar.gz", tmp_path / "target")
    found = sorted(p.relative_to(tmp_path / "target").as_posix() for p in (tmp_path / "target").rglob("*"))
    assert found == ["code", "code/a.py", "weights"]


def test_an_empty_or_linked_directory_packs_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    for directory in (tmp_path / "absent", tmp_path / "link"):
        assert not artifacts.pack(directory, tmp_path / "x.tar.gz")
        with tarfile.open(tmp_path / "x.tar.gz") as tar:
            assert tar.getnames() == []


@pytest.mark.parametrize(
    "bad",
    [
        member("../x"),
        member("a/../../x"),
        member("/etc/x"),
        member("link", tarfile.SYMTYPE, "/etc"),
        member("link", tarfile.LNKTYPE, "ok"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.type.decode()}",
)
def test_refuses_what_is_no_plain_file(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    path = archive_of(tmp_path / "bad.tar.gz", (member("ok"), b"fine"), (bad, b""))
    with pytest.raises(UnsafeArtifact, match="expected regular files and directories"):
        artifacts.unpack(path, tmp_path / "target" / "deep")
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "target" / "x").exists()


def test_refuses_a_bomb_while_it_unpacks(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "bomb.tar.gz", (member("zeros"), bytes(50_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(UnsafeArtifact, match="larger than allowed"):
        artifacts.unpack(path, tmp_path / "target", largest_bytes=1_000_000)
    assert (tmp_path / "target" / "zeros").stat().st_size <= 2_000_000


def test_refuses_what_is_no_archive_or_torn(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a tar")
    whole = archive_of(tmp_path / "whole.tar.gz", (member("a"), bytes(range(256)) * 4000)).read_bytes()
    (tmp_path / "torn").write_bytes(whole[: len(whole) // 2])
    for name in ("text", "torn", "absent"):
        with pytest.raises(UnsafeArtifact, match=name):
            artifacts.unpack(tmp_path / name, tmp_path / "target")
