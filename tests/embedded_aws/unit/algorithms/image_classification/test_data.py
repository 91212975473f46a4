from __future__ import annotations

import io
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from labelled_images import MAGIC, image, labelled, record, shard

from embedded_aws.algorithms.image_classification import data, recordio
from embedded_aws.algorithms.image_classification.failures import CustomerError

FILE = {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
PIPE = {**FILE, "TrainingInputMode": "Pipe", "RecordWrapperType": "None"}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def folder(base: Path, name: str, **files: bytes) -> Path:
    directory = base / "input/data" / name
    directory.mkdir(parents=True)
    for file, content in files.items():
        (directory / file.replace("__", ".")).write_bytes(content)
    return directory


def feed(base: Path, name: str, *epochs: bytes) -> None:
    """Give each epoch's pipe its bytes, as the platform does."""
    (base / "input/data").mkdir(parents=True, exist_ok=True)
    paths = [base / "input/data" / f"{name}_{epoch}" for epoch in range(len(epochs))]
    for path in paths:
        os.mkfifo(path)

    def write() -> None:
        for path, content in zip(paths, epochs, strict=True):
            path.write_bytes(content)

    threading.Thread(target=write, daemon=True).start()


def test_a_payload_in_parts_is_joined() -> None:
    magic = struct.pack("<I", MAGIC)
    parts = (
        struct.pack("<II", MAGIC, 1 << 29 | 4) + b"abcd" + struct.pack("<II", MAGIC, 3 << 29 | 2) + b"ef\0\0"
    )
    stream = parts + record(b"next")
    assert list(recordio.payloads(io.BytesIO(stream), "x")) == [b"abcd" + magic + b"ef", b"next"]
    assert list(recordio.spans(io.BytesIO(stream), "x")) == [(0, len(parts)), (len(parts), len(stream))]


@pytest.mark.parametrize("content", [b"no records at all", shard(2)[:-8], shard(1) + b"\x0a\x23", b"\0" * 8])
def test_damaged_records(content: bytes) -> None:
    with pytest.raises(CustomerError, match="expected whole records of RecordIO"):
        list(recordio.payloads(io.BytesIO(content), "File a.rec"))


def test_several_files_are_one_channel_in_random_order(tmp_path: Path) -> None:
    folder(tmp_path, "train", a__rec=shard(6), b__rec=shard(5, seed=50), a__idx=b"ignored")
    source = data.open_channel(tmp_path, "train", {"train": FILE})
    plain = [example.encoded for example in source.examples(None)]
    assert plain[:2] == [image(0, 0), image(1, 1)]
    first, second = ([e.encoded for e in source.examples(rng(n))] for n in (1, 2))
    assert len(plain) == 11
    assert sorted(first) == sorted(second) == sorted(plain)
    assert first != second != plain


def test_images_with_a_list(tmp_path: Path) -> None:
    folder(tmp_path, "train", one__png=image(1), zero__png=image(0))
    folder(tmp_path, "train_lst", train__lst=b"5\t1\tone.png\n9\t0\tzero.png\n")
    kind = {"ContentType": "application/x-image", "TrainingInputMode": "File"}
    source = data.open_channel(tmp_path, "train", {"train": kind, "train_lst": kind})
    found = [(example.labels, example.encoded) for example in source.examples(None)]
    assert found == [((1.0,), image(1)), ((0.0,), image(0))]
    with pytest.raises(CustomerError, match="Channel train_lst: missing"):
        data.open_channel(tmp_path, "train", {"train": kind})


@pytest.mark.parametrize("line", ["1\t0\t../x.png", "1\t0\t/etc/passwd", "1\tone.png", "1\tx\tone.png"])
def test_a_list_stays_in_its_channel(tmp_path: Path, line: str) -> None:
    folder(tmp_path, "train")
    folder(tmp_path, "train_lst", train__lst=line.encode())
    kind = {"ContentType": "image/png", "TrainingInputMode": "File"}
    with pytest.raises(
        CustomerError, match=r"List train.lst: line 1, expected index, label and relative path"
    ):
        data.open_channel(tmp_path, "train", {"train": kind, "train_lst": kind})


def test_a_pipe_an_epoch(tmp_path: Path) -> None:
    feed(tmp_path, "train", shard(8) + shard(4, seed=90), shard(3))
    source = data.open_channel(tmp_path, "train", {"train": PIPE})
    assert len(list(source.examples(rng()))) == 12
    assert [example.labels for example in source.examples(None)] == [(0.0,), (1.0,), (0.0,)]


def test_a_pipe_is_mixed_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MIXED_BYTES", 10 * len(image(0)))
    feed(tmp_path, "train", shard(60), shard(60))
    source = data.open_channel(tmp_path, "train", {"train": PIPE})
    mixed, plain = ([e.encoded for e in source.examples(generator)] for generator in (rng(), None))
    assert sorted(mixed) == sorted(plain)
    assert mixed != plain
    assert max(plain.index(encoded) - at for at, encoded in enumerate(mixed)) < 14


def test_an_augmented_manifest(tmp_path: Path) -> None:
    stream = b"".join(record(piece) for piece in (image(1), b"1", image(0), b"[0, 1]"))
    feed(tmp_path, "train", stream)
    kind = {
        **PIPE,
        "RecordWrapperType": "RecordIO",
        "ContentType": "application/x-recordio; label-format=class-id",
    }
    source = data.open_channel(tmp_path, "train", {"train": kind})
    assert source.label_format == "class-id"
    found = [(example.labels, example.encoded) for example in source.examples(None)]
    assert found == [((1.0,), image(1)), ((0.0, 1.0), image(0))]


def test_attributes_in_the_wrong_order(tmp_path: Path) -> None:
    feed(tmp_path, "train", record(b"1") + record(image(1)))
    source = data.open_channel(tmp_path, "train", {"train": {**PIPE, "RecordWrapperType": "RecordIO"}})
    with pytest.raises(CustomerError, match="image first and the label second in AttributeNames"):
        list(source.examples(None))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "Channel train: missing"),
        ({"train": {"TrainingInputMode": "File"}}, "Channel train: content type '' in File mode"),
        ({"train": {**FILE, "ContentType": "text/csv"}}, "Channel train: content type 'text/csv'"),
        ({"train": {**PIPE, "ContentType": "application/x-image"}}, "'application/x-image' in Pipe mode"),
        ({"train": FILE}, "Channel train: no .rec file"),
    ],
)
def test_a_channel_the_algorithm_cannot_read(
    tmp_path: Path, config: dict[str, dict[str, str]], message: str
) -> None:
    folder(tmp_path, "train")
    with pytest.raises(CustomerError, match=message):
        data.open_channel(tmp_path, "train", config)


def test_labels_of_a_record() -> None:
    payload = next(iter(recordio.payloads(io.BytesIO(labelled(b"png", 1, 0, 1)), "x")))
    assert recordio.labelled(payload, "x") == ((1.0, 0.0, 1.0), b"png")
    with pytest.raises(CustomerError, match="a record of 3 bytes"):
        recordio.labelled(b"abc", "x")
