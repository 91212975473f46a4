"""Make large archives fast: repeat a few thousand painted patches, each copy with a number in it."""

from __future__ import annotations

import itertools
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from idc.converter.patches import DOUBLED_TREE, parse_member
from idc.ingest.synthetic import write_archive
from idc.ingest.zipstream import ZipStream

PAINTED = 3000
PATIENTS = 12
PER_PATIENT = 1000
HEADER_BYTES = 33

Members = list[tuple[str, bytes]]


def painted() -> Members:
    """Patches of the generator that `make demo` uses, by the name of their member."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "painted.zip"
        write_archive(path, patients=PATIENTS, patches=PAINTED, seed=1)
        with zipfile.ZipFile(path) as archive:
            names = [member for member in archive.namelist() if not member.startswith(DOUBLED_TREE)]
            return [(member, archive.read(member)) for member in names]


def write_large(path: Path, members: Members, patches: int) -> None:
    """Write an archive of so many different patches, twice, as the Kaggle archive has them."""
    with ZipStream() as archive, path.open("wb") as stream:
        for tree in ("", DOUBLED_TREE):
            for name, image in numbered(members, patches):
                stream.write(archive.member(tree + name, image))
        stream.writelines(archive.end())


def numbered(members: Members, patches: int) -> Iterator[tuple[str, bytes]]:
    """Members of other names, each image with a text chunk that no other has."""
    for number, (name, image) in enumerate(itertools.islice(itertools.cycle(members), patches)):
        patient, at = divmod(number, PER_PATIENT)
        label = parse_member(name)[0].label
        x, y = 1 + 50 * (at % 40), 1 + 50 * (at // 40)
        text = b"tEXtComment\0%08d" % number
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        member = f"{10_000 + patient}/{label}/{10_000 + patient}_idx5_x{x}_y{y}_class{label}.png"
        yield member, image[:HEADER_BYTES] + chunk + image[HEADER_BYTES:]
