"""Archives for tests: small, in the layout of the Kaggle archive, and hostile where a test wants it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from idc.converter.archive import Limits
from idc.converter.catalog import Catalog
from idc.converter.cataloguing import read_catalog
from idc.converter.ranges import FileRanges

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

Members = Mapping[str, bytes] | Sequence[tuple[str, bytes]]


def picture(
    *colour: int, size: tuple[int, int] = (50, 50), kind: str = "PNG", mode: str = "RGB", **options: object
) -> bytes:
    """An image of one colour."""
    stream = io.BytesIO()
    Image.new(mode, size, tuple(colour) or 0).save(stream, kind, **options)
    return stream.getvalue()


def member(patient: int | str, label: int, number: int = 0, extension: str = "png") -> str:
    """The name of a patch in the archive."""
    x, y = 1 + 50 * (number % 40), 1 + 50 * (number // 40)
    return f"{patient}/{label}/{patient}_idx5_x{x}_y{y}_class{label}.{extension}"


def patients(count: int, patches: int = 4) -> dict[str, bytes]:
    """Members of as many patients, each with as many patches, half of either class, all different."""
    return {
        member(100 + patient, number % 2, number): picture(patient, number, 200)
        for patient in range(count)
        for number in range(patches)
    }


def write_zip(path: Path, members: Members, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write members, a mapping or pairs, to a zip archive."""
    pairs = members.items() if isinstance(members, Mapping) else members
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in pairs:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def catalog_of(path: Path, limits: Limits | None = None) -> Catalog:
    """The catalog of an archive on disk."""
    return read_catalog(FileRanges(path), limits or Limits())
