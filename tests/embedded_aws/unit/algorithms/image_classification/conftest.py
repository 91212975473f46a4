"""A directory that stands for /opt/ml, and the algorithm's programs in their own environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import local_aws
import pytest
from labelled_images import image, labelled, shard

PACKAGE = "embedded_aws.algorithms.image_classification"
SMALL = {"num_classes": "2", "num_training_samples": "32", "num_layers": "20", "image_shape": "3,12,12"}
QUICK = {**SMALL, "mini_batch_size": "8", "epochs": "2", "learning_rate": "0.05"}
RECORDS = {"ContentType": "application/x-recordio", "TrainingInputMode": "File", "RecordWrapperType": "None"}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def write_job(base: Path, parameters: dict[str, str], channels: dict[str, dict[str, str]]) -> None:
    """Lay out a job's configuration as the platform does."""
    (base / "input/config").mkdir(parents=True, exist_ok=True)
    for name, content in {
        "hyperparameters": parameters,
        "inputdataconfig": channels,
        "resourceconfig": {"hosts": ["algo-1"], "current_host": "algo-1"},
    }.items():
        (base / "input/config" / f"{name}.json").write_text(json.dumps(content))


def write_shards(base: Path, train: int = 32, validation: int = 16) -> dict[str, dict[str, str]]:
    """Write both channels as .rec files; their configuration."""
    for number, (name, count) in enumerate({"train": train, "validation": validation}.items()):
        folder = base / "input/data" / name
        folder.mkdir(parents=True)
        (folder / "part-00000.rec").write_bytes(shard(count, seed=1000 * number))
    return {"train": dict(RECORDS), "validation": dict(RECORDS)}


@pytest.fixture(scope="session")
def mxnet_python() -> str:
    """The interpreter of the environment the algorithm's programs run in."""
    python = local_aws.ENVIRONMENTS / "mxnet" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the mxnet environment is not built: {python}")
    return str(python)


@pytest.fixture(scope="session")
def run(mxnet_python: str) -> Run:
    """Run a module of the algorithm, or a piece of code, below a directory that stands for /opt/ml."""

    def run(base: Path, *arguments: str, **variables: str) -> Any:
        return subprocess.run(
            [mxnet_python, *(arguments or ("-m", f"{PACKAGE}.train"))],
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(local_aws.REPOSITORY / "include"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "OMP_NUM_THREADS": "1",
                "SAGEMAKER_BASE_DIR": str(base),
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=280,
        )

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, run: Run) -> tuple[Path, str]:
    """A job that trained on .rec files: its /opt/ml and its log."""
    base = tmp_path_factory.mktemp("trained")
    write_job(base, {**QUICK, "augmentation_type": "crop", "top_k": "2"}, write_shards(base))
    done = run(base)
    assert done.returncode == 0, done.stdout + done.stderr
    return base, done.stdout


@pytest.fixture(scope="session")
def job(run: Run) -> Run:
    """Train with changes of the quick hyperparameters, on `train` images unless they are there already."""

    def train(
        base: Path, train: int | None = 32, channels: dict[str, dict[str, str]] | None = None, **changes: str
    ) -> Any:
        if train is not None and not (base / "input/data/train").exists():
            write_shards(base, train)
        records = {"train": dict(RECORDS), "validation": dict(RECORDS)}
        write_job(base, {**QUICK, **changes}, {**records, **(channels or {})})
        return run(base)

    return train


@pytest.fixture
def image_files() -> Callable[[Path], dict[str, dict[str, str]]]:
    """Write channels of image files with their lists; their configuration."""

    def write(base: Path) -> dict[str, dict[str, str]]:
        for name in ("train", "validation"):
            for folder in (name, f"{name}_lst"):
                (base / "input/data" / folder).mkdir(parents=True)
            rows = [f"{number}\t{number % 2}\t{number}.png\n" for number in range(16)]
            (base / f"input/data/{name}_lst/{name}.lst").write_text("".join(rows))
            for number in range(16):
                (base / f"input/data/{name}/{number}.png").write_bytes(image(number % 2, number))
        kind = {"ContentType": "application/x-image", "TrainingInputMode": "File"}
        return dict.fromkeys(("train", "validation", "train_lst", "validation_lst"), kind)

    return write


@pytest.fixture
def several_labels() -> Callable[[Path], None]:
    """Write channels whose images have three labels each."""

    def write(base: Path) -> None:
        for name in ("train", "validation"):
            folder = base / "input/data" / name
            folder.mkdir(parents=True)
            records = [labelled(image(n % 2, n), n % 2, 1 - n % 2, 1, number=n) for n in range(16)]
            (folder / "a.rec").write_bytes(b"".join(records))

    return write
