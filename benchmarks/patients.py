"""Cross-validate a training script over patients: metrics on patients it has not seen.

    PYTHONPATH=include:plugins:tests:tests/embedded_aws python benchmarks/patients.py --archive idc.zip \
        --framework mxnet --folds 5 -- --widths 16,48,96,192

What stands after `--` goes to train.py, so settings are compared without a look at a test patient: those of
the product's split take no part. The other patients are dealt into parts of like size; each part is answered
by a model that has chosen its epoch on the part after it and learnt from the rest. Without an archive the
patches are generated and say nothing about patients.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import local_aws
from measuring import show
from measuring.variants import VARIANTS, Variant
from scripts import gathered

from idc.converter.patches import DOUBLED_TREE, looks_like_patch, parse_member
from idc.converter.records.recordio import RecordIOWriter
from idc.converter.records.tfrecord import TFRecordWriter
from idc.converter.split import Shares, assign
from idc.evaluate import metrics_table
from idc.evaluate.metrics import measure
from idc.evaluate.metrics_table import Place
from idc.evaluate.predictions import Row, collected
from idc.ingest.synthetic import write_archive

SPLIT_SEED = 7
HALF = 0.5
Writer = RecordIOWriter | TFRecordWriter
WRITERS: dict[str, type[Writer]] = {"rec": RecordIOWriter, "tfrecord": TFRecordWriter}
GENERATED = {"patients": 16, "patches": 640, "seed": 1}
QUICK = ("--epochs", "1", "--batch-size", "16")

Patients = Mapping[str, list[str]]


def members_by_patient(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    """Return the patches' members outside the doubled tree, of the patients that are not for the test."""
    found: dict[str, list[str]] = {}
    counts: dict[str, list[int]] = {}
    for member in archive.namelist():
        if looks_like_patch(member) and not member.startswith(DOUBLED_TREE):
            patch, _ = parse_member(member)
            found.setdefault(patch.patient, []).append(member)
            counts.setdefault(patch.patient, [0, 0])[patch.label] += 1
    sides = assign({patient: (zero, one) for patient, (zero, one) in counts.items()}, Shares(), SPLIT_SEED)
    return {patient: members for patient, members in found.items() if sides[patient] != "test"}


def deal(patients: Patients, folds: int) -> list[list[str]]:
    """Return the patients in parts, dealt from the one with most patches to the one with fewest."""
    ordered = sorted(patients, key=lambda patient: (-len(patients[patient]), patient))
    return [ordered[part::folds] for part in range(folds)]


def write_shard(
    archive: zipfile.ZipFile, patients: Patients, chosen: Sequence[str], variant: Variant, folder: Path
) -> None:
    """Write the patches of these patients as the variant reads them."""
    folder.mkdir(parents=True)
    writer = WRITERS[variant.suffix]()
    for member in sorted(member for patient in chosen for member in patients[patient]):
        patch, _ = parse_member(member)
        writer.append(patch.label, patch.name, archive.read(member))
    for suffix, content in writer.files().items():
        (folder / f"part-00000{suffix}").write_bytes(content)


def train(variant: Variant, folder: Path, arguments: Sequence[str]) -> None:
    """Run train.py on the shards below a folder, with its log on the terminal."""
    environment = {
        **os.environ,
        "SM_CHANNEL_TRAIN": str(folder / "train"),
        "SM_CHANNEL_VALIDATION": str(folder / "validation"),
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_OUTPUT_DATA_DIR": str(folder / "output" / "data"),
    }
    script = gathered(variant.name, folder / "code") / "train.py"
    subprocess.run(
        [local_aws.interpreter(variant.environment), script, *arguments], env=environment, check=True
    )


def answers(
    archive: zipfile.ZipFile, patients: Patients, folds: int, variant: Variant, arguments: Sequence[str]
) -> Iterator[Row]:
    """Yield every patch with the probability given by a model that has not seen its patient."""
    parts = deal(patients, folds)
    for number, part in enumerate(parts):
        chosen = parts[(number + 1) % folds]
        rest = [patient for other in parts if other not in (part, chosen) for patient in other]
        with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as name:
            folder = Path(name)
            for split, its in (("train", rest), ("validation", chosen), ("scored", part)):
                write_shard(archive, patients, its, variant, folder / split)
            train(variant, folder, arguments)
            scored = variant.by_itself("answers", model=folder / "model", folder=folder / "scored")
        for patch, label, probability in scored:
            yield patch, patch.split("_")[0], label, "validation", probability


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="a zip file as Kaggle has it; default: a generated one")
    parser.add_argument("--framework", choices=("mxnet", "tensorflow"), default="mxnet")
    parser.add_argument("--folds", type=int, choices=range(3, 11), default=3)
    parser.add_argument("arguments", nargs="*", help="for train.py, after --")
    given = parser.parse_args()
    variant = next(variant for variant in VARIANTS if variant.name == given.framework)
    with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as name:
        path, arguments = given.archive, given.arguments
        if path is None:
            path, arguments = Path(name) / "generated.zip", [*QUICK, *arguments]
            write_archive(path, **GENERATED)
        with zipfile.ZipFile(path) as archive:
            patients = members_by_patient(archive)
            predictions = collected(answers(archive, patients, given.folds, variant, arguments))
    measured = measure(predictions, threshold=HALF, seed=SPLIT_SEED).to_dict()
    rows = [
        [metric.label, *(metric.number(measured[metric.key][part]) for part in ("value", "low", "high"))]
        for metric in metrics_table.shown(Place.SUMMARY)
    ]
    data = "SYNTHETIC DATA" if given.archive is None else given.archive.name
    title = f"{variant.name}, {measured['patients']} patients in {given.folds} parts, {data}, at one half"
    show(title, ["metric", "value", "low", "high"], rows)


if __name__ == "__main__":
    main()
