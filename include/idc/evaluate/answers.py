"""Join a transform job's answers with their patches.

The job keeps the order of what it reads: line n of `part-00000.rec.out` answers record n of `part-00000.rec`,
which is line n of the shard's list of names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from idc import layout
from idc.converter.index import DatasetIndex
from idc.converter.records import recordio
from idc.errors import InputError
from idc.evaluate.predictions import Predictions, Row, collected
from idc.storage import ObjectStore

SCORED = ("validation", "test")
SUM_TOLERANCE = 0.01  # of two probabilities, which servers round


def joined(store: ObjectStore, index: DatasetIndex, job: str) -> Predictions:
    """Return the predictions of the validation and test patches that the transform job `job` made.

    Raises:
        MissingObject: the job left no answers for a shard.
        InputError: an answer is no pair of probabilities, or there are not as many answers as patches.
    """
    return collected(_rows(store, index, job))


def _rows(store: ObjectStore, index: DatasetIndex, job: str) -> Iterator[Row]:
    for shard in index.shards:
        if shard.format != layout.RECORDIO or shard.split not in SCORED:
            continue
        stem = shard.key.removesuffix(recordio.RECORDS)
        names = store.get(f"{layout.dataset_prefix(index.dataset_digest)}{stem}{recordio.NAMES}")
        patches = names.decode().splitlines()
        part = stem.removeprefix(f"{layout.RECORDIO}/")
        key = f"{layout.transform_prefix(job)}{part}{recordio.RECORDS}.out"
        answers = store.get(key).decode(errors="replace").splitlines()
        if len(answers) != len(patches):
            raise _wrong(store.uri(key), f"{len(answers)} answers", f"{len(patches)}, one a patch")
        for number, (patch, answer) in enumerate(zip(patches, answers, strict=True), start=1):
            _, label, name = patch.split("\t")
            score = _probability(answer, f"{store.uri(key)} line {number}")
            yield name, name.split("_")[0], int(label), shard.split, score


def _probability(answer: str, which: str) -> float:
    """Return the probability of class 1 in `{"prediction": [p0, p1]}`."""
    try:
        zero, one = (float(value) for value in json.loads(answer)["prediction"])
    except (ValueError, TypeError, KeyError) as error:
        raise _wrong(which, answer[:200], '{"prediction": [p0, p1]}') from error
    if not (0 <= zero <= 1 and 0 <= one <= 1 and abs(zero + one - 1) < SUM_TOLERANCE):
        raise _wrong(which, answer[:200], "two probabilities that add up to 1")
    return one


def _wrong(which: str, observed: str, expected: str) -> InputError:
    action = "Read the transform job's log and score the candidate again."
    return InputError("answers", which, observed, expected, action)
