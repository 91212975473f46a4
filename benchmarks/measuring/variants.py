"""Run the variants for benchmarks: as images on an embedded AWS, and as plain frameworks."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import local_aws
import numpy as np
from local_aws import LocalAws
from numpy.typing import NDArray
from PIL import Image
from scripts import gathered

from embedded_aws.containers.container import THREAD_VARIABLES
from idc.jobs.source import SCRIPTS
from measuring import embedded_aws
from stack import runtimes

ALONE = Path(__file__).resolve().parent / "alone"
INCLUDE = local_aws.REPOSITORY / "include"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@dataclass(frozen=True)
class Variant:
    """A framework: its environment, its images' repositories, and how it reads which shards."""

    name: str
    environment: str
    training: str
    inference: str
    suffix: str
    mode: str

    @property
    def training_image(self) -> str:
        return f"{REGISTRY}/{self.training}:1"

    @property
    def inference_image(self) -> str:
        return f"{REGISTRY}/{self.inference}:1"

    @property
    def is_script(self) -> bool:
        """Whether our scripts train it, rather than the built-in algorithm."""
        return (SCRIPTS / self.name).is_dir()

    def by_itself(self, function: str, **arguments: Any) -> Any:
        """Run a function of the variant in a process of its environment, without AWS; its answer."""
        command = [local_aws.interpreter(self.environment), str(ALONE / f"{self.name}_alone.py"), function]
        # As many threads as a container with all cores is told to use: MXNet by itself takes half of them.
        threads = dict.fromkeys(THREAD_VARIABLES, str(os.cpu_count()))
        given = json.dumps(arguments, default=str)
        with tempfile.TemporaryDirectory() as folder:
            scripts = gathered(self.name, Path(folder)) if self.is_script else INCLUDE
            environment = {**os.environ, **threads, "PYTHONPATH": str(scripts)}
            done = subprocess.run(
                command, env=environment, input=given, capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise RuntimeError(f"{self.name} {function}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])


VARIANTS = (
    Variant("mxnet", "mxnet", "mxnet-training", "mxnet-inference", "rec", "File"),
    Variant(
        "tensorflow", "tensorflow", "tensorflow-training", "tensorflow-inference", "tfrecord", "FastFile"
    ),
    Variant("builtin", "mxnet", "image-classification", "image-classification", "rec", "Pipe"),
)


@contextmanager
def aws_with_variants(directory: Path) -> Iterator[LocalAws]:
    """An embedded AWS that knows the variants' images."""
    table = directory / "variants.toml"
    table.write_text(runtimes.table(local_aws.interpreter))
    with embedded_aws("--runtimes", str(table)) as aws:
        yield aws


def patches(count: int) -> list[tuple[int, bytes]]:
    """Return labels and PNGs of generated patches, as large as real ones are: about 5 kB."""
    rng = np.random.default_rng(1)
    made = []
    for at in range(count):
        tint = np.array([205, 150, 190]) if at % 2 == 0 else np.array([165, 110, 175])
        pixels = np.clip(tint + rng.normal(0, 14, (50, 50, 3)), 0, 255).astype(np.uint8)
        made.append((at % 2, png(pixels)))
    return made


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image as a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
