"""train.py as a job runs it: what it prints, leaves behind, goes on from, and says of wrong data."""

import hashlib
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

EPOCHS = 3
NUMBER = r"[0-9]+\.[0-9]{4}"
EPOCH_LINE = re.compile(
    rf"epoch=([0-9]+) train:loss={NUMBER} train:accuracy={NUMBER} validation:loss={NUMBER} "
    rf"validation:accuracy={NUMBER} validation:balanced_accuracy={NUMBER} validation:roc_auc=({NUMBER}) "
    r"images_per_second=[0-9]+\.[0-9]"
)

Start = Callable[..., "subprocess.Popen[str]"]
Drive = Callable[..., Any]


def _weights(opt_ml: Path) -> str:
    return hashlib.sha256((opt_ml / "model" / "model-0000.params").read_bytes()).hexdigest()


def _failure(process: "subprocess.Popen[str]", opt_ml: Path) -> str:
    log, _ = process.communicate()
    assert process.returncode == 1, log
    return (opt_ml / "output" / "failure").read_text(encoding="utf-8")


def test_prints_one_line_an_epoch(trained: Path) -> None:
    lines = [line for line in (trained / "log").read_text().splitlines() if line.startswith("epoch=")]
    assert [EPOCH_LINE.fullmatch(line)[1] for line in lines] == ["1", "2", "3"]


def test_learns(trained: Path) -> None:
    description = json.loads((trained / "model" / "model.json").read_text())
    assert description["training"]["validation"]["roc_auc"] > 0.8


def test_every_metric_matches_one_thing_on_an_epochs_line(trained: Path) -> None:
    lines = (trained / "log").read_text().splitlines()
    for name in METRICS:
        regex = re.compile(metric_definition(name)["Regex"])
        found = [regex.findall(line) for line in lines]
        assert [len(each) for each in found if each] == [1] * EPOCHS, name
        assert all(line.startswith("epoch=") for line, each in zip(lines, found, strict=True) if each), name
        value = found[lines.index(next(line for line in lines if line.startswith("epoch=1 ")))][0]
        assert f" {name}={value}" in next(line for line in lines if line.startswith("epoch=1 "))


def test_draws_its_curves(trained: Path) -> None:
    with Image.open(trained / "output" / "data" / "curves.png") as image:
        image.load()
        assert image.width > 2 * image.height > 400
        assert len(image.convert("RGB").getcolors(image.width * image.height)) > 50, (
            "lines of several colours"
        )


def test_without_matplotlib_the_model_is_made_all_the_same(drive: Drive, tmp_path: Path) -> None:
    said = drive("draw_without_matplotlib", path=tmp_path / "curves.png")
    assert said == "no matplotlib here: curves.png is not drawn, history.json holds its figures\n"
    assert not list(tmp_path.iterdir())


def test_leaves_a_model_that_carries_its_code(trained: Path) -> None:
    files = {
        str(path.relative_to(trained / "model")) for path in (trained / "model").rglob("*") if path.is_file()
    }
    assert files == {
        "model.json",
        "model-0000.params",
        "code/serve.py",
        "code/exchange.py",
        "code/network.py",
        "code/patches.py",
    }
    description = json.loads((trained / "model" / "model.json").read_text())
    assert description["training"]["dataset_digest"] == "d1gest"
    assert description["parameters"] == {"file": "model-0000.params", "sha256": _weights(trained)}


def test_keeps_the_epoch_that_is_best_on_validation(trained: Path) -> None:
    history = json.loads((trained / "output" / "data" / "history.json").read_text())
    validation = [record["validation"] for record in history["epochs"]]
    merits = [measured["balanced_accuracy"] + measured["roc_auc"] for measured in validation]
    assert [record["epoch"] for record in history["epochs"]] == [1, 2, 3]
    assert history["best_epoch"] == 1 + merits.index(max(merits))
    assert not (trained / "output" / "failure").exists()


def test_goes_on_after_a_kill_from_the_last_whole_checkpoint(
    training: Start, trained: Path, tmp_path: Path
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
    assert _weights(tmp_path) == _weights(trained), "an interruption must not change the result"


def test_a_flipped_bit_in_a_checkpoint_is_noticed(training: Start, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "checkpoints", tmp_path / "checkpoints")
    newest = max((tmp_path / "checkpoints").glob("checkpoint-*.npz"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    process = training(tmp_path, "--dataset-digest", "d1gest")
    log, _ = process.communicate()
    assert "is torn (Bad CRC-32" in log
    assert _weights(tmp_path) == _weights(trained)


def test_checkpoints_that_are_all_torn_do_not_drive_out_what_is_new(drive: Drive, tmp_path: Path) -> None:
    for epoch in (9, 10):
        (tmp_path / f"checkpoint-{epoch:04d}.npz").write_bytes(b"PK")
    kept = drive("checkpoints_after", folder=tmp_path, epochs=[1, 2, 3])
    assert kept == ["checkpoint-0002.npz", "checkpoint-0003.npz"]


def test_goes_on_from_an_interruption_in_the_first_epoch(
    training: Start, trained: Path, tmp_path: Path
) -> None:
    """A draft that was being written when the machine went is no checkpoint."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".checkpoint.npz").write_bytes(b"PK")
    process = training(tmp_path, "--dataset-digest", "d1gest")
    log, _ = process.communicate()
    assert "resuming" not in log
    assert _weights(tmp_path) == _weights(trained)


def test_another_seed_gives_other_weights(training: Start, trained: Path, tmp_path: Path) -> None:
    process = training(tmp_path, "--seed", "8", epochs=1)
    process.communicate()
    assert _weights(tmp_path) != _weights(trained)


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
        assert expected in reason


def test_hyperparameters_come_as_arguments_and_in_sm_hps(drive: Drive) -> None:
    """The arguments win: the toolkit passes both, alike."""
    read = drive("read_hyperparameters", described={"epochs": 5, "learning_rate": 0.01, "widths": "8,16"})
    assert (read["epochs"], read["learning_rate"], read["widths"]) == (5, 0.01, [8, 16])
    read = drive("read_hyperparameters", described={"epochs": 5}, arguments=["--epochs", "6"])
    assert (read["epochs"], read["batch_size"]) == (6, 64)


def test_a_wrong_hyperparameter_is_the_jobs_failure(training: Start, tmp_path: Path) -> None:
    failure = _failure(training(tmp_path, "--widths", "0"), tmp_path)
    assert failure.startswith("ValueError: architecture: ")
    assert "expected 1 to 5 widths" in failure.splitlines()[0]


def test_a_channel_without_shards_is_named(training: Start, tmp_path: Path) -> None:
    failure = _failure(training(tmp_path, channels=tmp_path / "nowhere"), tmp_path)
    assert "no .rec file, expected some" in failure.splitlines()[0]


def test_one_class_only_is_refused(training: Start, drive: Drive, tmp_path: Path) -> None:
    drive("write_splits", folder=tmp_path / "one", splits={"train": 8, "validation": 8}, labels=[1])
    failure = _failure(training(tmp_path, channels=tmp_path / "one"), tmp_path)
    assert "channel train: patches of one class, expected both" in failure.splitlines()[0]


def test_ranks_as_scikit_learn_does(drive: Drive) -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 300), rng.integers(0, 40, 300) / 40
    area = drive("rank_area", labels=labels.tolist(), scores=scores.tolist())
    assert area == pytest.approx(roc_auc_score(labels, scores))


def test_augmentation_only_turns_without_jitter(drive: Drive) -> None:
    seen = drive("augment")
    assert seen == {"repeats": True, "moves": True, "keeps": True, "type": "uint8", "shift": 0.0}


def test_augmentation_changes_the_stain_a_little(drive: Drive) -> None:
    seen = drive("augment", stain_jitter=0.15)
    assert (seen["repeats"], seen["keeps"], seen["type"]) == (True, False, "uint8")
    assert 1 < seen["shift"] < 40


def test_augmentation_changes_the_colours_a_little(drive: Drive) -> None:
    seen = drive("augment", colour_jitter=0.1)
    assert (seen["repeats"], seen["keeps"], seen["type"]) == (True, False, "uint8")
    assert 1 < seen["shift"] < 30


def test_augmentation_keeps_to_its_formula_and_changes_each_stain_by_itself(drive: Drive) -> None:
    seen = drive("pixel_by_pixel", stain_jitter=0.3, colour_jitter=0.1)
    assert 0.9 < seen["furthest"] < 1.01  # the fraction that whole levels leave out
    changes = np.array(seen["changes"])
    assert changes == pytest.approx(np.repeat(changes[..., :1], 3, axis=2), abs=1e-4)
    assert 0.69 < changes.min() < changes.max() < 1.31


def test_augmentation_shows_all_eight_positions_alike(drive: Drive) -> None:
    positions = drive("positions", count=4000)
    assert len(positions) == 8
    assert all(400 < count < 600 for count in positions)
