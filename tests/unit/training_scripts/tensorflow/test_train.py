"""train.py as a job runs it: what it prints, leaves behind, goes on from, and says of wrong data."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from idc.jobs.training import metric_definition
from idc.variants.script import METRICS

pytestmark = pytest.mark.timeout(300)  # an import of TensorFlow takes up to half a minute on a busy machine

NUMBER = r"[0-9]+\.[0-9]{4}"
EPOCH_LINE = re.compile(
    rf"epoch=([0-9]+) train:loss={NUMBER} train:accuracy={NUMBER} validation:loss={NUMBER} "
    rf"validation:accuracy={NUMBER} validation:balanced_accuracy={NUMBER} validation:roc_auc=({NUMBER}) "
    r"images_per_second=[0-9]+\.[0-9]"
)
EPOCHS = 3

Start = Callable[..., "subprocess.Popen[str]"]
Drive = Callable[..., Any]


def _epoch_lines(opt_ml: Path) -> list[str]:
    return [line for line in (opt_ml / "log").read_text().splitlines() if line.startswith("epoch=")]


def _failure(process: "subprocess.Popen[str]", opt_ml: Path) -> str:
    log, _ = process.communicate()
    assert process.returncode == 1, log
    return (opt_ml / "output" / "failure").read_text(encoding="utf-8")


def test_prints_one_line_an_epoch(trained: Path) -> None:
    assert [EPOCH_LINE.fullmatch(line)[1] for line in _epoch_lines(trained)] == ["1", "2", "3"]


def test_every_metric_matches_one_thing_on_an_epochs_line(trained: Path) -> None:
    log = (trained / "log").read_text().splitlines()
    for name in METRICS:
        regex = re.compile(metric_definition(name)["Regex"])
        found = {line: regex.findall(line) for line in log if regex.search(line)}
        assert list(found) == _epoch_lines(trained), name
        assert all(f" {name}={values[0]}" in line for line, values in found.items()), name
        assert all(len(values) == 1 for values in found.values()), name


def test_learns(trained: Path) -> None:
    description = json.loads((trained / "model" / "model.json").read_text())
    assert description["training"]["validation"]["roc_auc"] > 0.8


def test_leaves_a_model_that_carries_its_code(trained: Path, drive: Drive) -> None:
    model = trained / "model"
    files = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert files == {
        "model.json",
        "model.npz",
        "1/saved_model.pb",
        "1/fingerprint.pb",
        "1/variables/variables.data-00000-of-00001",
        "1/variables/variables.index",
        "code/inference.py",
        "code/exchange.py",
        "code/patches.py",
        "code/requirements.txt",
    }
    description = json.loads((model / "model.json").read_text())
    assert description["framework"] == "tensorflow"
    assert description["training"]["dataset_digest"] == "d1gest"
    assert description["inference"]["views"] == 8
    digest = drive("arrays", model_dir=model)
    assert description["parameters"] == {"file": "model.npz", "sha256": digest}


def test_the_description_has_the_members_of_mxnets(trained: Path) -> None:
    """Whoever reads one candidate's description can read another's."""
    source = (Path(__file__).resolve().parents[4] / "training_scripts" / "mxnet" / "network.py").read_text()
    description = json.loads((trained / "model" / "model.json").read_text())
    for member in description.keys() - {"graph"}:
        assert f'"{member}":' in source, member


def test_keeps_the_epoch_that_is_best_on_validation(trained: Path) -> None:
    history = json.loads((trained / "output" / "data" / "history.json").read_text())
    validation = [record["validation"] for record in history["epochs"]]
    merits = [measured["balanced_accuracy"] + measured["roc_auc"] for measured in validation]
    assert [record["epoch"] for record in history["epochs"]] == [1, 2, 3]
    assert history["best_epoch"] == 1 + merits.index(max(merits))
    assert not (trained / "output" / "failure").exists()


def test_draws_its_curves(trained: Path) -> None:
    with Image.open(trained / "output" / "data" / "curves.png") as image:
        image.load()
        assert image.width > 2 * image.height > 400


@pytest.mark.slow
def test_goes_on_after_a_kill_from_the_last_whole_checkpoint(
    training: Start, trained: Path, tmp_path: Path, drive: Drive
) -> None:
    process = training(tmp_path, "--dataset-digest", "d1gest")
    for line in process.stdout:
        if line.startswith("epoch=3"):  # the third epoch is measured, the second's checkpoint is complete
            break
    process.kill()
    process.communicate()
    newest = max((tmp_path / "checkpoints").glob("checkpoint-*.npz"))
    newest.write_bytes(newest.read_bytes()[:-5000])
    process = training(tmp_path, "--dataset-digest", "d1gest")
    log, _ = process.communicate()
    assert process.returncode == 0, log
    assert f"checkpoint {newest.name} is torn" in log
    assert f"resuming after epoch {int(newest.stem[-4:]) - 1} of 3" in log
    history = json.loads((tmp_path / "output" / "data" / "history.json").read_text())
    assert [record["epoch"] for record in history["epochs"]] == [1, 2, 3]
    weights = drive("arrays", model_dir=tmp_path / "model")
    assert weights == drive("arrays", model_dir=trained / "model"), "an interruption changed the result"


@pytest.mark.slow
def test_a_flipped_bit_in_a_checkpoint_is_noticed(
    training: Start, trained: Path, tmp_path: Path, drive: Drive
) -> None:
    shutil.copytree(trained / "checkpoints", tmp_path / "checkpoints")
    newest = max((tmp_path / "checkpoints").glob("checkpoint-*.npz"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    process = training(tmp_path, "--dataset-digest", "d1gest")
    log, _ = process.communicate()
    assert "is torn (Bad CRC-32" in log
    assert drive("arrays", model_dir=tmp_path / "model") == drive("arrays", model_dir=trained / "model")


@pytest.mark.slow
def test_another_seed_gives_other_weights(
    training: Start, trained: Path, tmp_path: Path, drive: Drive
) -> None:
    training(tmp_path, "--seed", "8", "--epochs", "1").communicate()
    assert drive("arrays", model_dir=tmp_path / "model") != drive("arrays", model_dir=trained / "model")


@pytest.mark.slow
def test_refuses_checkpoints_of_other_settings(training: Start, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "checkpoints", tmp_path / "checkpoints")
    process = training(tmp_path, "--dataset-digest", "d1gest", "--dropout", "0.1")
    assert "Use another folder for other settings." in _failure(process, tmp_path)


WRONG = [
    (["--learning-rate", "11"], "argument --learning-rate: 11, expected 1e-08 to 10"),
    (["--learning-rate", "nan"], "argument --learning-rate: nan, expected 1e-08 to 10"),
    (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
    (["--widths", "16,x"], "argument --widths: invalid widths value: '16,x'"),
    (["--optimiser", "adam"], "unrecognized arguments: --optimiser adam"),
]


def test_a_wrong_hyperparameter_is_named(drive: Drive) -> None:
    reasons = drive("refusals", of="read_arguments", arguments=[arguments for arguments, _ in WRONG])
    for (_, expected), reason in zip(WRONG, reasons, strict=True):
        assert expected in (reason or "")


def test_hyperparameters_come_as_arguments_and_in_sm_hps(drive: Drive) -> None:
    """The arguments win: the toolkit passes both, alike."""
    read = drive("read_hyperparameters", described={"epochs": 5, "learning_rate": 0.01, "widths": "8,16"})
    assert (read["epochs"], read["learning_rate"], read["widths"]) == (5, 0.01, [8, 16])
    read = drive("read_hyperparameters", described={"epochs": 5}, arguments=["--epochs", "6"])
    assert (read["epochs"], read["batch_size"]) == (6, 64)


@pytest.mark.slow
def test_a_wrong_hyperparameter_is_the_jobs_failure(training: Start, tmp_path: Path) -> None:
    failure = _failure(training(tmp_path, "--widths", "0"), tmp_path)
    assert failure.startswith("ValueError: architecture: ")
    assert "expected 1 to 5 widths" in failure.splitlines()[0]


@pytest.mark.slow
def test_one_class_only_is_refused(training: Start, drive: Drive, tmp_path: Path) -> None:
    drive("write_splits", folder=tmp_path / "one", splits={"train": 8, "validation": 8}, labels=[1])
    failure = _failure(training(tmp_path, channels=tmp_path / "one"), tmp_path)
    assert "channel train: patches of one class, expected both" in failure.splitlines()[0]


def test_ranks_as_scikit_learn_does(drive: Drive) -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 300), rng.integers(0, 40, 300) / 40
    area = drive("rank_area", labels=labels.tolist(), scores=scores.tolist())
    assert area == pytest.approx(roc_auc_score(labels, scores))


def test_an_epoch_shows_every_patch_once_in_full_batches(drive: Drive) -> None:
    batches = drive("batches", count=70, size=32)
    assert [len(batch) for batch in batches] == [32, 32]
    seen = [patch for batch in batches for patch in batch]
    assert len(set(seen)) == 64
    assert seen != sorted(seen)


def test_takes_the_hyperparameters_of_mxnets_script() -> None:
    """One form starts all variants."""
    scripts = Path(__file__).resolve().parents[4] / "training_scripts"
    options = [
        re.findall(
            r'add_argument\(\s*"(--[a-z-]+)".*?default=([^,]*?)[,)]',
            (scripts / name / "train.py").read_text(),
        )
        for name in ("mxnet", "tensorflow")
    ]
    assert options[0] == options[1]
    assert len(options[0]) > 12
