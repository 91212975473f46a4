"""Shards and one trained model for the MXNet scripts, which run in their own environment."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import local_aws
import pytest
from scripts import gathered

HERE = Path(__file__).resolve().parent
EPOCHS = 3


@pytest.fixture(scope="session")
def mxnet_python() -> Path:
    """The interpreter of the environment that stands for Amazon's MXNet containers."""
    python = local_aws.ENVIRONMENTS / "mxnet" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the mxnet environment is not built: {python}")
    return python


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts as the container has them, in one folder."""
    return gathered("mxnet", tmp_path_factory.mktemp("scripts"))


@pytest.fixture(scope="session")
def drive(mxnet_python: Path, scripts: Path) -> Callable[..., Any]:
    """Run a function of drive.py in the mxnet environment with JSON arguments; return its JSON answer."""

    def run(function: str, **arguments: Any) -> Any:
        command = [str(mxnet_python), str(HERE / "drive.py"), str(scripts), function]
        done = subprocess.run(
            command, input=json.dumps(arguments, default=str), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory, drive: Callable[..., Any]) -> Path:
    """Small splits of generated patches, two shards each: `<split>/part-0000n.rec`."""
    folder = tmp_path_factory.mktemp("recordio")
    drive("write_splits", folder=folder, splits={"train": 160, "validation": 64, "test": 48})
    return folder


@pytest.fixture(scope="session")
def training(mxnet_python: Path, scripts: Path, shards: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start train.py as a container would, below a folder that stands for /opt/ml."""

    def start(
        opt_ml: Path, *arguments: str, channels: Path = shards, epochs: int = EPOCHS
    ) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "OMP_NUM_THREADS": "1",
            "SM_CHANNEL_TRAIN": str(channels / "train"),
            "SM_CHANNEL_VALIDATION": str(channels / "validation"),
            "SM_MODEL_DIR": str(opt_ml / "model"),
            "SM_OUTPUT_DATA_DIR": str(opt_ml / "output" / "data"),
            "SM_NUM_GPUS": "0",
        }
        command = [
            str(mxnet_python),
            str(scripts / "train.py"),
            "--epochs",
            str(epochs),
            "--batch-size",
            "32",
        ]
        return subprocess.Popen(
            [*command, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, training: Callable[..., "subprocess.Popen[str]"]
) -> Path:
    """A folder that stands for /opt/ml after a training job, with the log in `log`."""
    opt_ml = tmp_path_factory.mktemp("opt-ml")
    process = training(opt_ml, "--dataset-digest", "d1gest")
    log, _ = process.communicate()
    (opt_ml / "log").write_text(log, encoding="utf-8")
    assert process.returncode == 0, log
    return opt_ml
