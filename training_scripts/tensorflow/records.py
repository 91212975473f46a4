"""TFRecord shards as arrays: one split, decoded once into memory.

A patch takes 7.5 kB: all 277,524 of the Kaggle archive are 2.1 GB, of which a training job holds train and
validation. An ml.m5.xlarge has 16 GB.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import patches
import tensorflow as tf

ENCODED, LABEL, NAME = "image/encoded", "image/class/label", "image/filename"
FEATURES = {
    ENCODED: tf.io.FixedLenFeature((), tf.string),
    LABEL: tf.io.FixedLenFeature((), tf.int64),
    NAME: tf.io.FixedLenFeature((), tf.string),
}
RECORDS_A_TIME = 1024


class Split(NamedTuple):
    """The patches of one split: images (patches, 50, 50, 3) uint8, labels, and names as in the .lst."""

    images: np.ndarray
    labels: np.ndarray
    names: list


def read_split(folder):
    """Read every shard below `folder`, in the order of their names.

    Raises:
        ValueError: there is no shard, or one is damaged, or holds another label than 0 and 1.
    """
    shards = sorted(Path(folder).rglob("*.tfrecord"))
    if not shards:
        raise ValueError(f"channel {folder}: no .tfrecord file, expected some. Point it at a split's shards.")
    read = [read_shard(shard) for shard in shards]
    images, labels = (np.concatenate([split[part] for split in read]) for part in (0, 1))
    if not len(labels):
        raise ValueError(f"channel {folder}: no records, expected some. Point it at a split's shards.")
    return Split(images, labels, [name for split in read for name in split.names])


def read_shard(shard):
    """Return the patches of one shard; TensorFlow checks the CRC of every record."""
    images, labels, names = [], [], []
    try:
        for batch in tf.data.TFRecordDataset(str(shard)).batch(RECORDS_A_TIME):
            found = tf.io.parse_example(batch, FEATURES)
            labels.append(found[LABEL].numpy())
            names += [name.decode() for name in found[NAME].numpy()]
            images += [
                decode(shard, number, encoded)
                for number, encoded in enumerate(found[ENCODED].numpy(), start=len(images))
            ]
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        reason = getattr(error, "message", str(error)).strip().splitlines()[0]
        raise damaged(shard, reason, "TFRecord") from error
    labels = np.concatenate([np.empty(0, np.int64), *labels])
    if wrong := set(labels.tolist()) - {0, 1}:
        raise damaged(shard, f"label {wrong.pop()}", "label 0 or 1")
    return Split(np.array(images, np.uint8).reshape(-1, patches.SIDE_PX, patches.SIDE_PX, 3), labels, names)


def decode(shard, number, encoded):
    """Return the pixels of one record."""
    try:
        return patches.decode(encoded)
    except ValueError as error:
        raise damaged(shard, f"record {number}, {error}", "a patch") from error


def damaged(shard, observed, expected):
    """Return the error for a shard that is not as it should be."""
    return ValueError(f"shard {shard.name}: {observed}, expected {expected}. Convert the dataset again.")
