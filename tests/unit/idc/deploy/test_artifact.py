"""An artifact that is not a model is not registered."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

import pytest

from idc.deploy import artifact
from idc.errors import UnsafeArtifact

GOOD = {
    "mxnet": ["model-0000.params", "model.json", "code/serve.py"],
    "tensorflow": ["1/saved_model.pb", "1/variables/variables.index", "model.npz", "code/requirements.txt"],
    "built-in": ["image-classification-0014.params", "image-classification-symbol.json", "model-shapes.json"],
}


def packed(*members: str | tuple[str, dict[str, Any]]) -> bytes:
    """A tar.gz of members of four bytes; a pair has a name and other attributes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in members:
            name, attributes = (member, {}) if isinstance(member, str) else member
            info = tarfile.TarInfo(name)
            for key, value in {"size": 4, **attributes}.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(b"data") if info.isreg() else None)
    return buffer.getvalue()


@pytest.mark.parametrize("names", GOOD.values(), ids=GOOD)
def test_a_models_own_files_are_let_through(names: list[str]) -> None:
    assert artifact.check("a", packed(("code", {"type": tarfile.DIRTYPE, "size": 0}), *names)) == names
    assert artifact.check("a", packed(*(f"./{name}" for name in names))) == names


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("../model.json", "a file '../model.json'"),
        ("/model.json", "a file '/model.json'"),
        ("code/../../model.json", "a file"),
        ("weights.pkl", "a file 'weights.pkl'"),
        ("trainer.states", "a file"),
        ("model.keras", "a file"),
        ("code/native.so", "a file"),
        (("model.json", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0}), "a link"),
        (("model.json", {"type": tarfile.LNKTYPE, "linkname": "code/serve.py", "size": 0}), "a link"),
        (("model.json", {"type": tarfile.CHRTYPE, "size": 0}), "a device"),
        (("model.json", {"type": tarfile.FIFOTYPE, "size": 0}), "a device"),
        (("../code", {"type": tarfile.DIRTYPE, "size": 0}), "a folder"),
    ],
)
def test_anything_else_is_refused(member: str | tuple[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(UnsafeArtifact, match=f"model artifact a: {message}"):
        artifact.check("a", packed("model-0000.params", member))


def test_bombs_doubles_nothing_and_damage_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    good = packed("model.json", "model-0000.params")
    with pytest.raises(UnsafeArtifact, match="some, each once"):
        artifact.check("a", packed("model.json", "model.json"))
    with pytest.raises(UnsafeArtifact, match="some, each once"):
        artifact.check("a", packed())
    for damaged in (good[:40], b"PK\3\4", b"", gzip.compress(b"no tar archive" * 100)):
        with pytest.raises(UnsafeArtifact, match=r"a tar\.gz archive|some, each once"):
            artifact.check("a", damaged)
    with pytest.raises(UnsafeArtifact, match="101 members"):
        artifact.check("a", packed(*(f"{number}.json" for number in range(101))))
    monkeypatch.setattr(artifact, "LARGEST_BYTES", 7)
    with pytest.raises(UnsafeArtifact, match="8 bytes so far"):
        artifact.check("a", good)
