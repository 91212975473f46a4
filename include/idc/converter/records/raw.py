"""Raw images: two more forms the built-in algorithm reads, files with a list or an augmented manifest.

Both name images of one split below a common prefix; neither holds an image itself.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html
"""

from __future__ import annotations

import json
from typing import Dict, Iterable, List, Mapping, Tuple, Union

from idc.converter.records.recordio import NAMES, corrupt

LIST, MANIFEST = ".lst", ".augmented.manifest"

Buffer = Union[bytes, bytearray]
Row = Tuple[int, str]  # a patch's label and name


class RawImageWriter:
    """Holds one shard's images as files, by their names, and their rows for the split's lists."""

    def __init__(self) -> None:
        """Start without images."""
        self._images: Dict[str, Buffer] = {}
        self._rows: List[Row] = []

    def __len__(self) -> int:
        """Return the number of images so far."""
        return len(self._rows)

    @property
    def rows(self) -> List[Row]:
        """The images' labels and names in their order."""
        return list(self._rows)

    def append(self, label: int, name: str, image: bytes) -> None:
        """Add one image."""
        self._images[name] = image
        self._rows.append((label, name))

    def files(self) -> Dict[str, Buffer]:
        """Return the images by their names; the writer holds no image afterwards."""
        images, self._images = self._images, {}
        return images


def image_list(rows: Iterable[Row]) -> bytes:
    """Return a split's `.lst`: index, label and path below the split's prefix."""
    return "".join(f"{index}\t{label}\t{name}\n" for index, (label, name) in enumerate(rows)).encode()


def augmented_manifest(rows: Iterable[Row], prefix: str) -> bytes:
    """Return a split's augmented manifest: a line of JSON per image; `prefix` is an `s3://…/` address."""
    lines = (json.dumps({"source-ref": prefix + name, "class": label}) for label, name in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def read_rows(shard: Mapping[str, Buffer], name: str) -> List[Row]:
    """Return the rows of a RecordIO shard from its `.lst`, of which the split's lists are made.

    Raises:
        CorruptShard: its lines are not indices in order, labels and names.
    """
    rows = []
    for index, line in enumerate(bytes(shard[NAMES]).decode("utf-8", "replace").splitlines()):
        found = line.split("\t")
        if len(found) != 3 or found[0] != str(index) or found[1] not in ("0", "1"):
            raise corrupt(name, f"line {line!r} in its list", f"{index}, a label 0 or 1 and a name")
        rows.append((int(found[1]), found[2]))
    return rows


def verify(images: Mapping[str, Buffer], name: str, rows: Iterable[Row], listed: Buffer) -> None:
    """Check that a split's `.lst` lists just these rows and that each row's image is there.

    Raises:
        CorruptShard: names the list or the image.
    """
    rows = list(rows)
    if bytes(listed) != image_list(rows):
        raise corrupt(name, "a list of other images", f"{len(rows)} images in their order")
    missing = [patch for _, patch in rows if not images.get(patch)]
    if missing or len(images) != len(rows):
        observed = f"{len(images)} images, {', '.join(missing[:3]) or 'none'} missing"
        raise corrupt(name, observed, f"the {len(rows)} that are listed")
