from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from idc.errors import ConfigurationError
from idc.jobs import source
from idc.jobs.source import Source


def test_the_digest_is_of_paths_and_content() -> None:
    one = Source({"a.py": b"1", "b.py": b"2"})

    assert one.digest == Source({"b.py": b"2", "a.py": b"1"}).digest
    assert one.digest != Source({"a.py": b"2", "b.py": b"1"}).digest
    assert one.digest != Source({"a.py": b"1", "c.py": b"2"}).digest


def test_the_archive_is_the_same_bytes_every_time_and_holds_the_files() -> None:
    packed = Source({"train.py": b"print()", "lib/net.py": b"x = 1"})

    archive = packed.archive()

    assert archive == Source({"lib/net.py": b"x = 1", "train.py": b"print()"}).archive()
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        assert members.getnames() == ["lib/net.py", "train.py"]
        assert all((member.mtime, member.uid, member.mode) == (0, 0, 0o644) for member in members)
        found = members.extractfile("train.py")
        assert found is not None
        assert found.read() == b"print()"


def test_the_scripts_lie_at_the_root_of_a_training_source() -> None:
    shared = {path.name for path in (source.SCRIPTS / "common").glob("*.py")}

    for framework in ("mxnet", "tensorflow"):
        own = {path.name for path in (source.SCRIPTS / framework).glob("*.py")}
        assert {"train.py", "network.py"} <= own
        assert "patches.py" in shared
        assert not own & shared
        assert set(source.training_source(framework).files) == own | shared


def test_a_missing_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "common").mkdir()
    monkeypatch.setattr(source, "SCRIPTS", tmp_path)

    with pytest.raises(ConfigurationError, match="nowhere: missing"):
        source.training_source("nowhere")
