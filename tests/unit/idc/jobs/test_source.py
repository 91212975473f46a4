from __future__ import annotations

import ast
import io
import subprocess
import sys
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
    assert {"train.py", "serve.py", "network.py"} <= set(source.training_source("mxnet").files)


def test_only_what_the_converter_needs_travels() -> None:
    files = source.library_source().files

    assert {
        "idc/__init__.py",
        "idc/errors.py",
        "idc/converter/convert.py",
        "idc/converter/records/__init__.py",
    } <= set(files)
    assert not [path for path in files if path.startswith(("idc/jobs", "idc/settings", "idc/evaluate"))]


def test_what_travels_is_python_3_8() -> None:
    travelling = {**source.library_source().files, **source.training_source("mxnet").files}

    for path, content in travelling.items():
        ast.parse(content, path, feature_version=(3, 8))


def test_what_travels_can_be_imported_without_the_rest(tmp_path: Path) -> None:
    for path, content in source.library_source().files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    subprocess.run(
        [sys.executable, "-c", "import idc.converter.convert"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        check=True,
    )


def test_a_missing_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SCRIPTS", tmp_path)

    with pytest.raises(ConfigurationError, match="nowhere: missing"):
        source.training_source("nowhere")
