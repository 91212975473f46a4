"""Questions to MXNet and TensorFlow, each asked in its own environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from local_aws import ENVIRONMENTS

from idc.converter.records.recordio import Buffer


def ask(environment: str, script: str, folder: Path, question: object = None) -> Any:
    """The last line a script prints, which is told a folder and reads a question as JSON."""
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        pytest.skip(f"the environment {environment} is not built")
    command = [str(python), "-W", "ignore", "-c", script, str(folder)]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def save(files: Mapping[str, Buffer], folder: Path, stem: str = "ours") -> None:
    """Write a shard's files to a folder."""
    for suffix, content in files.items():
        (folder / f"{stem}{suffix}").write_bytes(content)
