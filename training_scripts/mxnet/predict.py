"""Score a split in a SageMaker Processing job: a model's artifact and shards in, predictions.csv out.

    python3 /opt/ml/processing/input/code/predict.py

Reads `model/model.tar.gz` and the shards in `test/`, beside the folder it lies in. Writes a row per patch:
its name, patient, label and probability of class 1.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import os
import re
import sys
import tarfile
import tempfile
import time
import traceback
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

import network
import records

COLUMNS = ("patch", "patient", "label", "probability")
INPUT = Path(__file__).resolve().parents[1]
PATIENT = re.compile(r"([0-9]+)_idx[0-9]+_x[0-9]+_y[0-9]+_class[01]\.(?:png|jpe?g)")
ALLOWED = re.compile(rf"{re.escape(network.DESCRIPTION)}|{re.escape(network.PARAMETERS)}|code/[a-z_]+\.py")
NEEDED = (network.DESCRIPTION, network.PARAMETERS)
MOST_BYTES = 256 * 2**20
ROWS_A_TIME = 1024


class UnsafeArtifact(Exception):
    """A model artifact holds something other than the regular files it may hold."""


class Bounded:
    """A stream that refuses to give more bytes than an honest artifact has."""

    def __init__(self, stream):
        self.stream, self.given = stream, 0

    def read(self, size=-1):
        """Return up to `size` bytes."""
        block = self.stream.read(size if size >= 0 else MOST_BYTES + 1 - self.given)
        self.given += len(block)
        if self.given > MOST_BYTES:
            raise UnsafeArtifact(f"artifact: over {MOST_BYTES} bytes unpacked, expected at most that.")
        return block


def unpack(artifact, folder):
    """Write the files of an artifact that scoring needs into `folder`; nothing else is written or opened.

    Raises:
        UnsafeArtifact: it holds anything but regular files of the allowed names, each once, or is no tar.gz.
    """
    seen = set()
    try:
        with gzip.open(artifact) as packed, tarfile.open(fileobj=Bounded(packed), mode="r|") as archive:
            for member in archive:
                name = member.name[2:] if member.name.startswith("./") else member.name
                if member.isdir() and name in (".", "code"):
                    continue
                if not (member.isreg() and ALLOWED.fullmatch(name)) or member.issparse() or name in seen:
                    raise UnsafeArtifact(
                        f"artifact: member {member.name!r} of type {member.type!r}, expected regular files, "
                        f"each once, named {ALLOWED.pattern}. Do not use it."
                    )
                seen.add(name)
                if name in NEEDED:
                    (folder / name).write_bytes(archive.extractfile(member).read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UnsafeArtifact(f"artifact {artifact}: {error}, expected a model.tar.gz.") from error
    if not seen.issuperset(NEEDED):
        raise UnsafeArtifact(f"artifact: only {sorted(seen)}, expected {', '.join(NEEDED)}.")


def patient_of(name):
    """Return the patient a patch's file name begins with."""
    found = PATIENT.fullmatch(name)
    if not found:
        raise ValueError(f"patch {name!r}: expected <patient>_idx…_class0.png. Convert the dataset again.")
    return found[1]


def check_digest(artifact, expected):
    """Raise UnsafeArtifact unless the artifact is the one that was registered."""
    digest = hashlib.sha256()
    with artifact.open("rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise UnsafeArtifact(f"artifact: SHA-256 {digest.hexdigest()}, expected {expected}. Do not use it.")


def predict(inputs, output, model_sha256):
    """Score every patch below `inputs/test` and write `output/predictions.csv` in one step."""
    started = time.monotonic()
    artifact = inputs / "model" / "model.tar.gz"
    if model_sha256:
        check_digest(artifact, model_sha256)
    with tempfile.TemporaryDirectory() as folder:
        unpack(artifact, Path(folder))
        model = network.load(folder)
    split = records.read_split(inputs / "test")
    patients = [patient_of(name) for name in split.names]
    print(f"read {len(split.names)} patches of {len(set(patients))} patients", flush=True)
    output.mkdir(parents=True, exist_ok=True)
    draft = output / ".predictions.csv"
    with draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for at in range(0, len(split.names), ROWS_A_TIME):
            rows = slice(at, at + ROWS_A_TIME)
            scores = model.probabilities(split.images[rows])[:, 1]
            scores = [f"{score:.8g}" for score in scores]
            table.writerows(zip(split.names[rows], patients[rows], split.labels[rows], scores))
            print(f"scored {at + len(scores)} of {len(split.names)} patches", flush=True)
    draft.replace(output / "predictions.csv")
    print(f"wrote predictions.csv in {time.monotonic() - started:.1f} s", flush=True)


def main():
    """Score; on failure leave the reason where SageMaker looks for it, and exit 1."""
    parser = argparse.ArgumentParser(description="Score the patches of a split.")
    parser.add_argument("--input", type=Path, default=INPUT)
    parser.add_argument("--output", type=Path, default=INPUT.parent / "output")
    parser.add_argument("--model-sha256", default=os.environ.get("MODEL_SHA256", ""), help="as registered")
    args = parser.parse_args()
    try:
        predict(args.input, args.output, args.model_sha256)
    except Exception as error:  # noqa: BLE001  (the job ends here, whatever it is)
        traceback.print_exc()
        message = args.input.parents[1] / "output" / "message"
        message.parent.mkdir(parents=True, exist_ok=True)
        message.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        sys.exit(1)


if __name__ == "__main__":
    main()
