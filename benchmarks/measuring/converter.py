"""Run one conversion in a process of its own: `python converter.py ARCHIVE FOLDER WORK [NUMBER OF]`.

It prints as JSON: CPU seconds of the work alone (user and system, all threads) and those on the clock,
patches, bytes of the patches, and the most memory the process ever held.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import zlib
from pathlib import Path

from idc.converter.archive import Limits, unpack
from idc.converter.catalog import Catalog
from idc.converter.cataloguing import read_catalog
from idc.converter.conversion import ConversionSettings
from idc.converter.cutting import cut_shard
from idc.converter.images import check_pixels
from idc.converter.ranges import FileRanges, read_spans
from idc.converter.records.parity import check_tfrecord, read_patches
from idc.converter.records.recordio import SUFFIXES, RecordIOWriter, verify
from idc.converter.records.shards import Shard, plan_shards
from idc.converter.records.tfrecord import EXAMPLES, TFRecordWriter

SEED = 7
BLOCK_BYTES = 4 << 20

started = (0.0, 0.0)  # CPU time, the clock


def formats(archive: Path, folder: Path) -> Catalog:
    """The archive to files of both formats, every byte checked against a CRC."""
    catalog, shards = planned(archive)
    for shard in shards:
        cut(archive, catalog, shard, folder)
    return catalog


def verified(archive: Path, folder: Path) -> Catalog:
    """The same, and each shard read back and verified as the job does: the two of a pair share the shards."""
    catalog, shards = planned(archive)
    number, workers = map(int, sys.argv[4:6]) if len(sys.argv) > 4 else (0, 1)
    for shard in shards[number::workers]:
        for path in cut(archive, catalog, shard, folder).values():
            hashlib.sha256(path.read_bytes()).hexdigest()
        files = {suffix: (folder / f"recordio-{shard.number}{suffix}").read_bytes() for suffix in SUFFIXES}
        verify(files, archive.name, len(shard.rows))
        examples = (folder / f"tfrecord-{shard.number}{EXAMPLES}").read_bytes()
        check_tfrecord(files, {EXAMPLES: examples}, archive.name)
        for patch in read_patches(files, archive.name):
            check_pixels(patch.image)
    return catalog


def planned(archive: Path) -> tuple[Catalog, list[Shard]]:
    """The patches, and shards of all of them."""
    catalog = read_catalog(FileRanges(archive), Limits())
    split = dict.fromkeys(catalog.patients, "train")
    return catalog, plan_shards(catalog, split, SEED, ConversionSettings().shard_bytes)


def cut(archive: Path, catalog: Catalog, shard: Shard, folder: Path) -> dict[str, Path]:
    """One shard, written as a file for each suffix."""
    paths = {}
    for record_format, writer in cut_shard(
        FileRanges(archive), catalog, shard, SEED, Limits()
    ).writers.items():
        for suffix, content in writer.files().items():
            paths[suffix] = folder / f"{record_format}-{shard.number}{suffix}"
            paths[suffix].write_bytes(content)
    return paths


def copy(archive: Path, folder: Path) -> Catalog:
    """The bytes of the patches, through a checksum, into one file: what no conversion can be faster than."""
    catalog = read_catalog(FileRanges(archive), Limits())
    left, crc, buffer = int(catalog.ends.max()), 0, memoryview(bytearray(BLOCK_BYTES))
    begin()
    with archive.open("rb", buffering=0) as source, (folder / "copy").open("wb", buffering=0) as target:
        while left:
            block = buffer[: source.readinto(buffer[: min(left, BLOCK_BYTES)])]
            crc = zlib.crc32(block, crc)
            left -= target.write(block)
    return catalog


def recordio(archive: Path, folder: Path) -> Catalog:
    """The RecordIO writer alone, from images in memory to files."""
    return _write(archive, folder, RecordIOWriter)


def tfrecord(archive: Path, folder: Path) -> Catalog:
    """The TFRecord writer alone, from images in memory to a file."""
    return _write(archive, folder, TFRecordWriter)


def _write(archive: Path, folder: Path, kind: type[RecordIOWriter] | type[TFRecordWriter]) -> Catalog:
    reader = FileRanges(archive)
    catalog = read_catalog(reader, Limits())
    rows = range(len(catalog))
    members, patches = catalog.members(rows), catalog.patches(rows)
    images = [unpack(members[at], span) for at, span in read_spans(reader, catalog.spans(rows))]
    begin()
    writer, shard_bytes, number = kind(), 0, 0
    for patch, image in zip(patches, images, strict=True):
        writer.append(patch.label, patch.name, image)
        shard_bytes += len(image)
        if shard_bytes > ConversionSettings().shard_bytes or patch is patches[-1]:
            for suffix, content in writer.files().items():
                (folder / f"{number}{suffix}").write_bytes(content)
            writer, shard_bytes, number = kind(), 0, number + 1
    return catalog


def begin() -> None:
    """Begin the measurement here."""
    global started
    started = time.process_time(), time.perf_counter()


def peak_mb() -> float:
    """The most memory this process has held, in MB; ru_maxrss would count its parent's too."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    works = {work.__name__: work for work in (formats, verified, copy, recordio, tfrecord)}
    begin()
    done = works[sys.argv[3]](Path(sys.argv[1]), Path(sys.argv[2]))
    result = {
        "seconds": time.process_time() - started[0],
        "clock": time.perf_counter() - started[1],
        "patches": len(done),
        "bytes": int(done.rows["size"].sum()),
        "peak_mb": peak_mb(),
    }
    print(json.dumps(result))
