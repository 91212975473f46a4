"""predict.py as a processing job runs it, and the artifacts it must not open."""

import hashlib
import io
import json
import os
import pickle
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from idc.evaluation.predictions import read_predictions

Drive = Callable[..., Any]
NEEDED = ["model-0000.params", "model.json"]
ROOT = Path(__file__).resolve().parents[4]


def _pack(model: Path, artifact: Path) -> Path:
    artifact.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(artifact, "w:gz") as archive:
        archive.add(model, arcname=".")
    return artifact


@pytest.fixture
def opt_ml(tmp_path: Path, trained: Path, shards: Path) -> Path:
    """A folder that stands for /opt/ml with the inputs of the evaluation job."""
    inputs = tmp_path / "processing" / "input"
    _pack(trained / "model", inputs / "model" / "model.tar.gz")
    shutil.copytree(shards / "test", inputs / "test")
    shutil.copytree(
        ROOT / "training_scripts" / "mxnet", inputs / "code", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def _run(python: Path, opt_ml: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    script = opt_ml / "processing" / "input" / "code" / "predict.py"
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        [str(python), str(script)], env=environment, capture_output=True, text=True, check=False
    )


def test_scores_every_test_patch_once(
    mxnet_python: Path, opt_ml: Path, trained: Path, shards: Path, drive: Drive
) -> None:
    artifact = (opt_ml / "processing" / "input" / "model" / "model.tar.gz").read_bytes()
    done = _run(mxnet_python, opt_ml, MODEL_SHA256=hashlib.sha256(artifact).hexdigest())
    assert done.returncode == 0, done.stderr
    assert "read 48 patches of 4 patients" in done.stdout
    output = opt_ml / "processing" / "output"
    assert [path.name for path in output.iterdir()] == ["predictions.csv"]
    with (output / "predictions.csv").open(newline="") as table:
        predictions = read_predictions(table)
    split = drive("read", folder=shards / "test")
    assert predictions.patch.tolist() == split["names"]
    assert predictions.patient.tolist() == [name.split("_")[0] for name in split["names"]]
    assert predictions.label.tolist() == split["labels"]
    scores = drive("score", model_dir=trained / "model", folder=shards / "test")
    assert predictions.probability == pytest.approx(scores, abs=1e-6)


def test_says_why_it_failed(mxnet_python: Path, opt_ml: Path) -> None:
    shard = opt_ml / "processing" / "input" / "test" / "part-00001.lst"
    shard.write_text(shard.read_text().replace("_idx5_", "_slide5_"))
    assert _run(mxnet_python, opt_ml).returncode == 1
    message = (opt_ml / "output" / "message").read_text()
    assert "expected <patient>_idx…_class0.png. Convert the dataset again." in message
    assert not (opt_ml / "processing" / "output").exists()


def test_scores_only_the_artifact_that_was_registered(mxnet_python: Path, opt_ml: Path) -> None:
    assert _run(mxnet_python, opt_ml, MODEL_SHA256="0" * 64).returncode == 1
    message = (opt_ml / "output" / "message").read_text()
    assert message.startswith("UnsafeArtifact: artifact: SHA-256 ")
    assert message.endswith(f"expected {'0' * 64}. Do not use it.")


def _member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(content)
    return member, content


HOSTILE = {
    "a way out": _member("../escaped.params", content=b"x"),
    "a way out from code": _member("code/../../escaped.py", content=b"x"),
    "an absolute path": _member("/tmp/histoflow-escaped", content=b"x"),
    "a symbolic link": _member("code/link.py", tarfile.SYMTYPE, link="/etc/passwd"),
    "a symbolic link as the weights": _member("model-0000.params", tarfile.SYMTYPE, link="/etc/passwd"),
    "a hard link": _member("code/link.py", tarfile.LNKTYPE, link="model.json"),
    "a device": _member("code/device.py", tarfile.CHRTYPE),
    "a pipe": _member("code/pipe.py", tarfile.FIFOTYPE),
    "a folder": _member("data", tarfile.DIRTYPE),
    "a pickle": _member("model.pkl", content=pickle.dumps({})),
    "an optimiser's states": _member("trainer.states", content=pickle.dumps({})),
    "an extra file": _member("readme.txt", content=b"x"),
    "a name with a newline": _member("model.json\n", content=b"x"),
    "a second description": _member("./model.json", content=b"{}"),
}


def test_an_artifact_with_more_than_it_may_hold_is_refused(
    trained: Path, tmp_path: Path, drive: Drive
) -> None:
    artifacts = []
    for number, (member, content) in enumerate(HOSTILE.values()):
        artifact = tmp_path / f"{number}.tar.gz"
        with tarfile.open(artifact, "w:gz") as archive:
            archive.add(trained / "model" / "model.json", arcname="model.json")
            archive.addfile(member, io.BytesIO(content))
            archive.add(trained / "model" / "model-0000.params", arcname="model-0000.params")
        artifacts.append(artifact)
    results = drive("unpack", artifacts=artifacts, folder=tmp_path / "out")
    for name, result in zip(HOSTILE, results, strict=True):
        assert "expected regular files, each once" in result["reason"], name
        assert result["written"] == ["model.json"], name
    assert not list(tmp_path.glob("escaped*"))
    assert not Path("/tmp/histoflow-escaped").exists()


def test_what_is_no_whole_artifact_is_refused(trained: Path, tmp_path: Path, drive: Drive) -> None:
    whole = _pack(trained / "model", tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tar.gz").write_bytes(b"not an archive")
    with tarfile.open(tmp_path / "empty.tar.gz", "w:gz"):
        pass
    bomb = tarfile.TarInfo("model.json")
    bomb.size = 300 * 2**20
    with (
        tarfile.open(tmp_path / "bomb.tar.gz", "w:gz", compresslevel=1) as archive,
        Path("/dev/zero").open("rb") as zeros,
    ):
        archive.addfile(bomb, zeros)
    names = ["cut.tar.gz", "text.tar.gz", "empty.tar.gz", "bomb.tar.gz"]
    reasons = [
        result["reason"]
        for result in drive("unpack", artifacts=[tmp_path / name for name in names], folder=tmp_path / "out")
    ]
    assert "expected a model.tar.gz" in reasons[0]
    assert "expected a model.tar.gz" in reasons[1]
    assert "expected model.json, model-0000.params" in reasons[2]
    assert "unpacked, expected at most that" in reasons[3]


def test_an_honest_artifact_is_unpacked_without_its_code(trained: Path, tmp_path: Path, drive: Drive) -> None:
    artifact = _pack(trained / "model", tmp_path / "whole.tar.gz")
    assert drive("unpack", artifacts=[artifact], folder=tmp_path / "out") == [
        {"reason": "", "written": NEEDED}
    ]
    written = json.loads((tmp_path / "out" / "0" / "model.json").read_text())
    assert written == json.loads((trained / "model" / "model.json").read_text())
