"""RecordIO shards as arrays: one split, decoded once into memory.

A patch takes 7.5 kB: all 277,524 of the Kaggle archive are 2.1 GB, of which a training job holds train and
validation. An ml.m5.xlarge has 16 GB.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import mxnet as mx
import numpy as np
import patches


class Split(NamedTuple):
    """The patches of one split: images (patches, 50, 50, 3) uint8, labels, and names as in the .lst."""

    images: np.ndarray
    labels: np.ndarray
    names: list


def read_split(folder):
    """Read every shard below `folder`, in the order of their names.

    Raises:
        ValueError: there is no shard, or one is damaged, incomplete, or holds another label than 0 and 1.
    """
    shards = sorted(Path(folder).rglob("*.rec"))
    if not shards:
        raise ValueError(f"channel {folder}: no .rec file, expected some. Point it at a split's shards.")
    listings = [read_listing(shard) for shard in shards]
    count = sum(map(len, listings))
    if not count:
        raise ValueError(f"channel {folder}: no records, expected some. Point it at a split's shards.")
    images = np.empty((count, patches.SIDE_PX, patches.SIDE_PX, 3), dtype=np.uint8)
    labels, names = np.empty(count, dtype=np.int64), []
    for shard, listing in zip(shards, listings):
        for header, encoded in read_shard(shard, len(listing)):
            here = len(names)
            label, name = float(np.ravel(header.label)[0]), listing.get(header.id)
            if label not in (0, 1) or name is None:
                raise damaged(
                    shard, f"record {header.id}, label {label:g}", "an id of its .lst and label 0 or 1"
                )
            try:
                images[here] = patches.decode(encoded)
            except ValueError as error:
                raise damaged(shard, f"record {header.id}, {error}", "a patch") from error
            labels[here] = label
            names.append(name)
    return Split(images, labels, names)


def read_shard(shard, count):
    """Yield the header and the encoded image of each record; there must be `count`."""
    read = 0
    try:
        reader = mx.recordio.MXRecordIO(str(shard), "r")
        for record in iter(reader.read, None):
            read += 1
            if read > count:
                break
            yield mx.recordio.unpack(record)
        reader.close()
    except mx.MXNetError as error:
        raise damaged(shard, str(error).strip().splitlines()[-1], "RecordIO") from error
    if read != count:
        raise damaged(shard, f"{'more' if read > count else read} records", f"the {count} of its .lst")


def read_listing(shard):
    """Return the patch names of a shard by record id, from the .lst beside it."""
    listing = shard.with_suffix(".lst")
    if not listing.exists():
        raise damaged(shard, "no .lst beside it", listing.name)
    rows = [line.split("\t") for line in listing.read_text(encoding="utf-8").splitlines()]
    if any(len(row) != 3 or not row[0].isdigit() for row in rows):
        raise damaged(shard, f"a line of {listing.name} has other columns", "index, label and name")
    return {int(row[0]): row[2] for row in rows}


def damaged(shard, observed, expected):
    """Return the error for a shard that is not as it should be."""
    return ValueError(f"shard {shard.name}: {observed}, expected {expected}. Convert the dataset again.")
