"""network.py and learner.py: what answers is what was trained, and a step is the one that is documented."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)  # an import of TensorFlow takes up to half a minute on a busy machine

Drive = Callable[..., Any]


def test_what_answers_is_the_network_that_was_trained(drive: Drive, trained: Path, shards: Path) -> None:
    """Folding, the mean over views and the export change nothing but rounding."""
    off = drive("compare_folded", model_dir=trained / "model", folder=shards / "validation")
    assert max(off) < 1e-5


def test_a_step_is_nesterovs_and_the_mean_follows(drive: Drive) -> None:
    step = drive("one_step", share=0.25)
    assert step["off"] < 1e-6
    assert step["mean off"] < 1e-6
    assert step["moved"] > 1e-3


CHANGES = [
    ({"parameters": {"sha256": "0" * 64}}, "model.npz is not the one model.json names"),
    ({"graph": {"sha256": "0" * 64}}, "1/saved_model.pb is not the one model.json names"),
    ({"graph": None}, "expected model.json, model.npz"),
    ({"architecture": {"widths": [16, 32, 64, 96], "dropout": 0.3}}, "expected the weights of"),
    ({"architecture": {"widths": [16, 32, 64], "dropout": 0.3}}, "expected the weights of"),
    ({"architecture": {"widths": [10**9], "dropout": 0.3}}, "expected 1 to 5 widths to 1024"),
    ({"architecture": {"layers": 3}}, "expected widths and dropout"),
    ({"inference": {"views": 10**6}}, "expected 1, 4 or 8"),
]


def test_weights_load_into_their_own_architecture_only(trained: Path, tmp_path: Path, drive: Drive) -> None:
    folders = []
    for number, (change, _) in enumerate(CHANGES):
        folders.append(tmp_path / str(number))
        shutil.copytree(trained / "model", folders[-1])
        description = json.loads((folders[-1] / "model.json").read_text())
        (folders[-1] / "model.json").write_text(json.dumps({**description, **change}))
    reasons = drive("refusals", of="load", arguments=folders)
    for (change, expected), reason in zip(CHANGES, reasons, strict=True):
        assert expected in (reason or ""), change


@pytest.mark.parametrize("name", ["model.json", "model.npz", "1/saved_model.pb"])
def test_a_model_without_one_of_its_files_is_none(
    trained: Path, tmp_path: Path, drive: Drive, name: str
) -> None:
    shutil.copytree(trained / "model", tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    (reason,) = drive("refusals", of="load", arguments=[tmp_path / "model"])
    assert "expected model.json, model.npz" in reason
