from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_aws import wait_until

from embedded_aws.errors import DownloadError
from embedded_aws.jobs import pipe
from embedded_aws.jobs.pipe import Feeder


def test_an_epoch_after_the_other(tmp_path: Path) -> None:
    Feeder(tmp_path / "data" / "train", lambda epoch: [b"epoch ", str(epoch).encode()])
    for epoch in range(5):
        fifo = tmp_path / "data" / f"train_{epoch}"
        assert fifo.is_fifo()
        assert fifo.read_bytes() == f"epoch {epoch}".encode()


def test_an_early_close_ends_the_epoch(tmp_path: Path) -> None:
    def endless(epoch: int) -> Iterator[bytes]:
        while True:
            yield bytes([epoch]) * 100_000

    Feeder(tmp_path / "train", endless)
    for epoch in range(3):
        with (tmp_path / f"train_{epoch}").open("rb") as reader:
            assert reader.read(10) == bytes([epoch]) * 10


def test_what_goes_wrong_is_known_before_the_reader_sees_the_end(tmp_path: Path) -> None:
    def broken(_epoch: int) -> Iterator[bytes]:
        yield b"begun"
        raise DownloadError("gone")

    feeder = Feeder(tmp_path / "train", broken)
    feeder.check()
    assert (tmp_path / "train_0").read_bytes() == b"begun"
    with pytest.raises(DownloadError, match="gone"):
        feeder.check()


def test_a_fault_of_ours_is_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_epoch: int) -> Iterator[bytes]:
        yield b"begun"
        raise ZeroDivisionError

    feeder = Feeder(tmp_path / "train", broken)
    (tmp_path / "train_0").read_bytes()

    def is_told() -> bool:
        try:
            feeder.check()
        except DownloadError as error:
            return "ZeroDivisionError" in str(error)
        return False

    wait_until(is_told)
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_gzip_members_in_any_chunks(size: int) -> None:
    compressor = [zlib.compressobj(wbits=pipe.GZIP_WINDOW) for _ in range(2)]
    texts = [b"first" * 50, b"second" * 50]
    packed = b"".join(c.compress(text) + c.flush() for c, text in zip(compressor, texts, strict=True))
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(pipe._decompressed(chunks)) == b"".join(texts)
    with pytest.raises(zlib.error):
        list(pipe._decompressed([packed[:-1]]))
