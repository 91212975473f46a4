"""What a start is worth to the built-in algorithm: full training against incremental, from an earlier month.

    PYTHONPATH=include:plugins:tests:tests/embedded_aws python benchmarks/starts.py \
        --archive idc.zip --epochs 2 4 --patches 40

The patients that are not for the product's test are dealt into two halves, which stand for two months. Of
each half a quarter is for the test, a quarter for validation and the rest to train on. Each half is trained
in full, and once more from the model of the other half. Pretrained weights are not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import local_aws
from measuring import show
from measuring.variants import INCLUDE, VARIANTS
from patients import GENERATED, HALF, SPLIT_SEED, Patients, deal, members_by_patient, write_shard

from embedded_aws.containers.container import THREAD_VARIABLES
from idc.evaluate.metrics import measure
from idc.evaluate.metrics_table import rows_of
from idc.evaluate.predictions import collected
from idc.ingest.synthetic import write_archive
from idc.variants.builtin import FIXED, steps

SHOWN = rows_of(("balanced_accuracy", "roc_auc"))
BUILTIN = next(variant for variant in VARIANTS if variant.name == "builtin")
SETTINGS = {"mini_batch_size": 64, "learning_rate": 0.05, "optimizer": "nag"}
RECORDS = {"ContentType": "application/x-recordio", "TrainingInputMode": "File"}
MODEL = {"ContentType": "application/x-sagemaker-model", "TrainingInputMode": "File"}
PROGRAM = "embedded_aws.algorithms.image_classification.train"


@dataclass(frozen=True)
class Month:
    """A half of the patients as a month: the folder of its shards, a folder a split."""

    name: str
    folder: Path
    patches: int


def month(archive: zipfile.ZipFile, patients: Patients, name: str, folder: Path) -> Month:
    """Write the shards of a half."""
    test, validation, *train = deal(patients, 4)
    splits = {"test": test, "validation": validation, "train": [one for part in train for one in part]}
    for split, chosen in splits.items():
        write_shard(archive, patients, chosen, BUILTIN, folder / split)
    return Month(name, folder, sum(len(patients[one]) for one in splits["train"]))


def thinned(patients: Patients, most: int) -> dict[str, list[str]]:
    """Return at most so many patches of each patient, evenly chosen."""
    return {one: sorted(members)[:: max(1, -(-len(members) // most))] for one, members in patients.items()}


def train(begun: Path, data: Month, epochs: int, start: Path | None) -> Path:
    """Run the algorithm's program below a folder that stands for /opt/ml; return the model's folder."""
    channels = {"train": RECORDS, "validation": RECORDS, **({"model": MODEL} if start else {})}
    parameters = {
        **FIXED,
        **SETTINGS,
        "epochs": epochs,
        "lr_scheduler_step": steps(epochs),
        "num_training_samples": data.patches,
    }
    (begun / "input/data").mkdir(parents=True)
    for split in ("train", "validation"):
        (begun / "input/data" / split).symlink_to(data.folder / split)
    if start:
        (begun / "input/data/model").mkdir()
        with tarfile.open(begun / "input/data/model/model.tar.gz", "w:gz") as artifact:
            for path in sorted(start.iterdir()):
                artifact.add(path, path.name)
    write(begun, hyperparameters={name: str(value) for name, value in parameters.items()})
    write(begun, inputdataconfig=channels, resourceconfig={"hosts": ["algo-1"], "current_host": "algo-1"})
    threads = dict.fromkeys(THREAD_VARIABLES, str(os.cpu_count()))
    environment = {**os.environ, **threads, "PYTHONPATH": str(INCLUDE), "SAGEMAKER_BASE_DIR": str(begun)}
    command = [local_aws.interpreter("mxnet"), "-m", PROGRAM]
    with (begun / "log").open("w") as log:
        subprocess.run(command, env=environment, stdout=log, stderr=log, check=True)
    return begun / "model"


def write(begun: Path, **documents: Mapping[str, Any]) -> None:
    """Write a job's configuration."""
    folder = begun / "input/config"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def scored(title: str, model: Path, data: Month) -> list[str]:
    """Return a row: what a model is worth on a month's test patients."""
    answers = BUILTIN.by_itself("answers", model=model, folder=data.folder / "test")
    rows = [(name, name.split("_")[0], label, "test", chance) for name, label, chance in answers]
    measured = measure(collected(rows), threshold=HALF, seed=SPLIT_SEED).to_dict()
    row = [data.name, title, *(metric.text(measured[metric.key]) for metric in SHOWN)]
    print(*row, sep="  ", flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="a zip file as Kaggle has it; default: a generated one")
    parser.add_argument("--epochs", type=int, nargs="+", default=[1])
    parser.add_argument("--patches", type=int, default=60, help="at most so many of each patient")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as name:
        base = Path(name)
        path = given.archive or base / "generated.zip"
        if given.archive is None:
            write_archive(path, **GENERATED)
        with zipfile.ZipFile(path) as archive:
            patients = thinned(members_by_patient(archive), given.patches)
            halves = [{one: patients[one] for one in part} for part in deal(patients, 2)]
            months = [month(archive, half, str(at), base / f"data-{at}") for at, half in enumerate(halves, 1)]
        rows = []
        longest = max(given.epochs)
        for epochs in sorted(given.epochs, reverse=True):
            full = [train(base / f"full-{epochs}-{one.name}", one, epochs, None) for one in months]
            if epochs == longest:
                earlier = full
            for one, model, other in zip(months, full, reversed(earlier), strict=True):
                rows.append(scored(f"full training, {epochs} epochs", model, one))
                if epochs == longest:
                    rows.append(scored("the other month's model as it is", other, one))
                begun = base / f"incremental-{epochs}-{one.name}"
                rows.append(scored(f"incremental, {epochs} epochs", train(begun, one, epochs, other), one))
    data = "SYNTHETIC DATA" if given.archive is None else given.archive.name
    trained = " and ".join(f"{one.patches:,}" for one in months)
    title = f"{len(patients)} patients in two months, {trained} training patches, {data}, at one half"
    show(title, ["month", "start", *(metric.label for metric in SHOWN)], rows)


if __name__ == "__main__":
    main()
