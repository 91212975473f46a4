"""Damaged shards are named before training begins."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Start = Callable[..., "subprocess.Popen[str]"]


def _cut_at_a_record(folder: Path) -> None:
    """Drop the last record, whose place the .idx tells."""
    last = int((folder / "part-00001.idx").read_text().splitlines()[-1].split("\t")[1])
    shard = folder / "part-00001.rec"
    shard.write_bytes(shard.read_bytes()[:last])


def _cut_in_a_record(folder: Path) -> None:
    shard = folder / "part-00001.rec"
    shard.write_bytes(shard.read_bytes()[:-100])


def _flip(folder: Path, at: int) -> None:
    shard = folder / "part-00001.rec"
    content = bytearray(shard.read_bytes())
    content[at] ^= 0x10
    shard.write_bytes(content)


def _forget_listing(folder: Path) -> None:
    (folder / "part-00001.lst").unlink()


def _list_another_label(folder: Path) -> None:
    listing = folder / "part-00001.lst"
    listing.write_text(listing.read_text().replace("0\t0\t", "0\tzero\tx\t", 1))


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (_cut_at_a_record, "79 records, expected the 80 of its .lst"),
    (_cut_in_a_record, "expected"),
    (lambda folder: _flip(folder, 1), "expected"),  # the magic number
    (lambda folder: _flip(folder, 15), "expected an id of its .lst and label 0 or 1"),  # the label
    (lambda folder: _flip(folder, 36), "cannot be read"),  # the image's signature
    (_forget_listing, "no .lst beside it"),
    (_list_another_label, "other columns, expected index, label and name"),
]


def test_a_damaged_shard_is_named(shards: Path, tmp_path: Path, drive: Callable[..., Any]) -> None:
    folders = []
    for number, (damage, _) in enumerate(DAMAGES):
        folders.append(tmp_path / str(number))
        shutil.copytree(shards / "train", folders[-1])
        damage(folders[-1])
    reasons = drive("refusals", of="read_split", arguments=folders)
    for (_, expected), reason in zip(DAMAGES, reasons, strict=True):
        assert reason.startswith("shard part-00001.rec: ")
        assert expected in reason


def test_a_damaged_shard_ends_the_job_before_training(training: Start, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(shards, tmp_path / "recordio")
    _cut_at_a_record(tmp_path / "recordio" / "train")
    process = training(tmp_path, channels=tmp_path / "recordio")
    log, _ = process.communicate()
    assert process.returncode == 1, log
    failure = (tmp_path / "output" / "failure").read_text()
    assert failure.startswith("ValueError: shard part-00001.rec: 79 records")
    assert not (tmp_path / "model").exists()
