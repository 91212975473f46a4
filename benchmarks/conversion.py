"""Compare the one-pass converter (RecordIO and TFRecord) with tools of MXNet and TensorFlow and a raw copy.

Rates are per second of CPU time, of the work alone and not of starting an interpreter, the best of
three runs that take turns, with all files in the page cache. The peers are given what they want for
nothing: files in a folder with a list, or images in memory. They check nothing and write one format;
we read an archive of which half the members are doubles, check CRC-32 of members and of every PNG
chunk, write both formats and add CRC-32C.

Data that has just come to an instance's volume is not in its memory: so the converter and `im2rec.py`
are run once more by the clock with their inputs, an archive and a folder of files, out of the cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from local_aws import REPOSITORY, interpreter
from measuring import archives, peers, show, verdict

PATCHES = 50_000
ROUNDS = 3
TIMES_PASS_THROUGH = 10
OF_RAW_COPY = 0.10
MEMORY_MB = 200

Result = dict[str, Any]


def convert(archive: Path, folder: Path, work: str, *share: str) -> Result:
    """One of the works of measuring/converter.py in the environment the converter travels to."""
    script = REPOSITORY / "benchmarks" / "measuring" / "converter.py"
    command = [interpreter("mxnet"), str(script), str(archive), str(folder), work, *share]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def peer(archive: Path, folder: Path, environment: str, script: str) -> Result:
    return dict(json.loads(peers.run(interpreter(environment), script, archive, folder)))


def evict(paths: Iterable[Path]) -> None:
    """Drop files from the page cache."""
    os.sync()
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def best(works: dict[str, Callable[[], Result]], rounds: int, unit: str = "seconds") -> dict[str, Result]:
    """The quickest run of each work, the works taking turns."""
    found: dict[str, Result] = {}
    for _ in range(rounds):
        for name, work in works.items():
            result = work()
            if name not in found or result[unit] < found[name][unit]:
                found[name] = result
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as name:
        folder, archive = Path(name), Path(name) / "archive.zip"
        archives.write_large(archive, archives.painted(), PATCHES)
        peer(archive, folder, "mxnet", peers.PREPARE)
        ours = {
            "archive → both formats": "formats",
            "  … read back and verified, pixels too": "verified",
            "our RecordIO writer": "recordio",
            "our TFRecord writer": "tfrecord",
            "raw copy of the patches with CRC-32": "copy",
        }
        theirs = {
            "MXIndexedRecordIO.write_idx": ("mxnet", peers.MXNET_WRITER),
            "tf.io.TFRecordWriter + Example": ("tensorflow", peers.TENSORFLOW_WRITER),
            "im2rec.py --pass-through": ("mxnet", peers.PASS_THROUGH),
        }
        works: dict[str, Callable[[], Result]] = {
            **{row: partial(convert, archive, folder, work) for row, work in ours.items()},
            **{row: partial(peer, archive, folder, *asked) for row, asked in theirs.items()},
        }
        found = best(works, ROUNDS)
        row = "im2rec.py, decoding and encoding again"
        found |= best({row: lambda: peer(archive, folder, "mxnet", peers.ENCODE_AGAIN)}, 1)

        def from_disk(inputs: Iterable[Path], work: Callable[[], Result]) -> Result:
            evict(inputs)
            return work()

        images = list((folder / "images").iterdir())
        cold = best(
            {
                "archive → both formats": lambda: from_disk([archive], works["archive → both formats"]),
                "im2rec.py --pass-through": lambda: from_disk(images, works["im2rec.py --pass-through"]),
            },
            ROUNDS,
            "clock",
        )
    report(found, cold)


def report(found: dict[str, Result], cold: dict[str, Result]) -> None:
    rates = {name: result["patches"] / result["seconds"] for name, result in found.items()}
    formats, raw = rates["archive → both formats"], rates["raw copy of the patches with CRC-32"]
    slowest = rates["im2rec.py --pass-through"]
    rows = [
        [name, f"{rate:,.0f}", f"{rate / raw:.3f}", f"{rate / slowest:.1f}"]
        for name, rate in sorted(rates.items(), key=lambda pair: -pair[1])
    ]
    result = found["archive → both formats"]
    size = result["bytes"] / result["patches"]
    head = ["work", "patches a CPU second", "of a raw copy", "times im2rec.py --pass-through"]
    show(f"{PATCHES:,} patches of {size:,.0f} bytes, archive of {2 * PATCHES:,} members", head, rows)
    ours, theirs = (result["patches"] / result["clock"] for result in cold.values())
    rows = [["archive → both formats", f"{ours:,.0f}"], ["im2rec.py --pass-through", f"{theirs:,.0f}"]]
    show("The same, inputs not in the page cache", ["work", "patches a second"], rows)
    print(
        f"ratio: {ours / theirs:.1f} times im2rec.py --pass-through, {formats / slowest:.1f} with warm files"
    )
    print(f"peak memory of archive → both formats: {result['peak_mb']:.0f} MB")
    what = f"{TIMES_PASS_THROUGH} times im2rec.py --pass-through"
    verdict(f"{what}, inputs from the disk", ours >= TIMES_PASS_THROUGH * theirs)
    verdict(f"{what}, all files in the page cache", formats >= TIMES_PASS_THROUGH * slowest)
    verdict(f"{OF_RAW_COPY} of a raw copy", formats >= OF_RAW_COPY * raw)
    verdict(f"under {MEMORY_MB} MB", result["peak_mb"] < MEMORY_MB)


if __name__ == "__main__":
    main()
