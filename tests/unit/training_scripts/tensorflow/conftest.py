"""Shards and one trained model for the TensorFlow scripts, which run in their own environment."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import local_aws
import pytest
from scripts import gathered

HERE = Path(__file__).resolve().parent
EPOCHS = 3

Drive = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def tensorflow_python() -> Path:
    """The interpreter of the environment that stands for Amazon's TensorFlow containers."""
    python = local_aws.ENVIRONMENTS / "tensorflow" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the tensorflow environment is not built: {python}")
    return python


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts as the container has them, in one folder."""
    return gathered("tensorflow", tmp_path_factory.mktemp("scripts"))


@pytest.fixture(scope="session")
def drive(tensorflow_python: Path, scripts: Path) -> Iterator[Drive]:
    """Run functions of drive.py with JSON arguments in one process, which imports TensorFlow once."""
    command = [str(tensorflow_python), str(HERE / "drive.py"), str(scripts)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=sys.stderr, text=True) as process:

        def run(function: str, **arguments: Any) -> Any:
            process.stdin.write(json.dumps([function, arguments], default=str) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert "failed" not in answer, answer["failed"]
            return answer["result"]

        yield run


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory, drive: Drive) -> Path:
    """Small splits of generated patches, two shards each: `<split>/part-0000n.tfrecord`."""
    folder = tmp_path_factory.mktemp("tfrecord")
    drive("write_splits", folder=folder, splits={"train": 160, "validation": 64})
    return folder


@pytest.fixture(scope="session")
def training(tensorflow_python: Path, scripts: Path, shards: Path) -> Start:
    """Start train.py as a container would, below a folder that stands for /opt/ml."""

    def start(opt_ml: Path, *arguments: str, channels: Path = shards) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "TF_NUM_INTRAOP_THREADS": "1",
            "TF_NUM_INTEROP_THREADS": "1",
            "SM_CHANNEL_TRAIN": str(channels / "train"),
            "SM_CHANNEL_VALIDATION": str(channels / "validation"),
            "SM_MODEL_DIR": str(opt_ml / "model"),
            "SM_OUTPUT_DATA_DIR": str(opt_ml / "output" / "data"),
            "SM_NUM_GPUS": "0",
        }
        command = [str(tensorflow_python), str(scripts / "train.py"), "--epochs", str(EPOCHS)]
        return subprocess.Popen(
            [*command, "--batch-size", "32", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, training: Start) -> Path:
    """A folder that stands for /opt/ml after a training job, with the log in `log`."""
    opt_ml = tmp_path_factory.mktemp("opt-ml")
    process = training(opt_ml, "--dataset-digest", "d1gest")
    log, _ = process.communicate()
    (opt_ml / "log").write_text(log, encoding="utf-8")
    assert process.returncode == 0, log
    return opt_ml
