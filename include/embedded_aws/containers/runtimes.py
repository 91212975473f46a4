"""Maps container images (patterns of URIs) to local interpreters and programs."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from embedded_aws.algorithms.catalog import ALGORITHMS
from embedded_aws.errors import SettingError, UnknownRuntime
from embedded_aws.settings import Settings

PROGRAMS = Path(__file__).resolve().parents[1] / "runtime"
PACKAGES = PROGRAMS.parents[1]
DEFAULT = Path(__file__).with_name("default_runtimes.toml")


@dataclass(frozen=True)
class Runtime:
    """A stand-in for images: an interpreter, and the commands of an image without an entry point.

    `train` and `serve` are what the image itself would run for a training job and for an endpoint;
    by default the programs of `algorithm`, one of the service's own that has a twin here, or without one
    the frameworks' script mode and inference server.
    """

    name: str
    images: tuple[str, ...]
    python: Path
    train: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    algorithm: str = ""

    @property
    def is_script_mode(self) -> bool:
        """Whether training runs the user's script as the frameworks' images do."""
        return not (self.train or self.algorithm)

    @property
    def metric_definitions(self) -> list[dict[str, str]]:
        """The metrics the service finds in the logs of its own algorithm without being told how."""
        return ALGORITHMS[self.algorithm].metric_definitions if self.algorithm else []

    @property
    def train_command(self) -> list[str]:
        """What runs a training job."""
        return (
            list(self.train) or self._program("train") or [str(self.python), str(PROGRAMS / "script_mode.py")]
        )

    @property
    def serve_command(self) -> list[str]:
        """What serves a model."""
        server = [str(self.python), str(PROGRAMS / "inference_server.py")]
        return list(self.serve) or self._program("serve") or server

    @property
    def path(self) -> str:
        """The PATH of its programs: the interpreter's own directory first."""
        return f"{self.python.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def _program(self, name: str) -> list[str]:
        """One of the algorithm's programs, nothing if it is no algorithm."""
        return (
            [str(self.python), "-m", f"{ALGORITHMS[self.algorithm].package}.{name}"] if self.algorithm else []
        )


def load(settings: Settings) -> list[Runtime]:
    """Read the runtimes of the settings' file, or the package's own where none is set.

    Raises:
        SettingError: the file cannot be read or understood.
    """
    path = settings.runtimes or DEFAULT
    try:
        entries = tomllib.loads(path.read_text()).get("runtime", [])
        return [_runtime(entry, path) for entry in entries]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise SettingError(
            f"Runtimes {path}: {error!r}, expected [[runtime]] tables with name and images."
        ) from error


def find(runtimes: list[Runtime], image: str) -> Runtime:
    """The first runtime with a pattern the image matches.

    Raises:
        UnknownRuntime: none has.
    """
    for runtime in runtimes:
        if any(fnmatchcase(image, pattern) for pattern in runtime.images):
            return runtime
    known = ", ".join(pattern for runtime in runtimes for pattern in runtime.images) or "none"
    raise UnknownRuntime(f"Image {image}: no runtime stands for it here, expected one of: {known}.")


def _runtime(entry: dict[str, Any], file: Path) -> Runtime:
    python = Path(entry.get("python", sys.executable)).expanduser()
    return Runtime(
        name=entry["name"],
        images=tuple(entry["images"]),
        python=python if python.is_absolute() else file.parent / python,
        train=tuple(entry.get("train", ())),
        serve=tuple(entry.get("serve", ())),
        environment=_environment(entry),
        algorithm=_algorithm(entry),
    )


def _environment(entry: dict[str, Any]) -> dict[str, str]:
    """The entry's own variables; the programs of an algorithm must also find their package."""
    path = {"PYTHONPATH": str(PACKAGES)} if entry.get("algorithm") else {}
    return {**path, **entry.get("environment", {})}


def _algorithm(entry: dict[str, Any]) -> str:
    name = str(entry.get("algorithm", ""))
    if name and name not in ALGORITHMS:
        raise KeyError(f"algorithm {name}, expected one of {', '.join(ALGORITHMS)}")
    return name
