"""Settings of one embedded AWS. Precedence: flags, EMBEDDED_AWS_* variables, what `up` saved."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_aws.errors import SettingError

HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - only if a person asks for it, as in a container of its own
ACCOUNT = "123456789012"
VARIABLE_PREFIX = "EMBEDDED_AWS_"
INTERNAL_PORT_OFFSET = 20
LARGEST_PORT = 65535
ACCUMULATED = ("bucket", "role")  # what was asked for once stays asked for


@dataclass(frozen=True)
class Settings:
    """Everything one embedded AWS is told; `home` holds all of its state.

    Times are in seconds, sizes in the unit their name ends with. `internal_port` is the first of
    the consecutive ports only our own processes use (0: twenty above `port`). `listen` is the address of the
    two public ports; everything else is on the loopback interface.
    """

    home: Path
    listen: str = HOST
    port: int = 4566
    s3_port: int = 8333
    internal_port: int = 0
    region: str = "us-east-1"
    runtimes: Path | None = None
    bucket: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    max_jobs: int = 0
    memory_limit_mb: int = 0
    stop_grace_s: float = 120.0
    endpoint_startup_s: float = 480.0
    invoke_timeout_s: float = 60.0
    invoke_wait_s: float = 30.0
    drain_s: float = 65.0
    ping_period_s: float = 5.0
    isolation: str = "auto"
    faults: bool = False

    def __post_init__(self) -> None:
        """Refuse values no process could work with.

        Raises:
            SettingError: a value is out of its range.
        """
        for name in ("port", "s3_port", "internal_port"):
            value = getattr(self, name)
            if not 0 <= value <= LARGEST_PORT:
                raise SettingError(
                    f"Setting {name}: {value}, expected a port from 1 to {LARGEST_PORT}. {how_to_set(name)}"
                )
        if self.listen not in (HOST, EVERYWHERE):
            raise SettingError(
                f"Setting listen: {self.listen!r}, expected {HOST} or {EVERYWHERE}. {how_to_set('listen')}"
            )
        if self.isolation not in ("auto", "namespaces", "none"):
            raise SettingError(
                f"Setting isolation: {self.isolation!r}, expected auto, namespaces or none. "
                f"{how_to_set('isolation')}"
            )

    @property
    def cores(self) -> int:
        """Processor cores this machine lets us use."""
        return len(os.sched_getaffinity(0))

    @property
    def concurrent_jobs(self) -> int:
        """How many jobs run at once; the rest wait in order of arrival."""
        return self.max_jobs or max(2, self.cores)

    @property
    def first_internal_port(self) -> int:
        """The first port of the block used between our own processes."""
        return self.internal_port or self.port + INTERNAL_PORT_OFFSET

    @property
    def endpoint_url(self) -> str:
        """Address of everything but S3."""
        return f"http://{HOST}:{self.port}"

    @property
    def s3_endpoint_url(self) -> str:
        """Address of S3."""
        return f"http://{HOST}:{self.s3_port}"

    @property
    def database(self) -> Path:
        """The SQLite file that holds every resource."""
        return self.home / "state.sqlite3"

    @property
    def run_dir(self) -> Path:
        """Files that matter only while the processes run."""
        return self.home / "run"

    @property
    def wake_fifo(self) -> Path:
        """The FIFO a byte in which wakes the controller."""
        return self.run_dir / "wake"

    @property
    def log_dir(self) -> Path:
        """What our own processes print."""
        return self.home / "log"

    @property
    def stream_dir(self) -> Path:
        """Log lines of jobs and endpoints, one file per CloudWatch log stream."""
        return self.home / "cloudwatch"

    @property
    def work_dir(self) -> Path:
        """Working directories of jobs and endpoint instances."""
        return self.home / "work"

    def save(self) -> None:
        """Write the settings where the other processes of this home find them."""
        self.home.mkdir(parents=True, exist_ok=True)
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "home"}
        if self.runtimes is not None:
            values["runtimes"] = str(self.runtimes)
        partial = self.home / "settings.json.partial"
        partial.write_text(json.dumps(values, indent=2) + "\n")
        partial.replace(_file(self.home))


def load(
    home: Path, flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Settings of the home: a flag wins over a variable, a variable over what was saved.

    Raises:
        SettingError: a variable or the saved file cannot be understood.
    """
    home = home.expanduser().resolve()
    variables = {
        field.name: _parse(field.name, str(field.type), text)
        for field in dataclasses.fields(Settings)
        if field.name != "home" and (text := (environment or {}).get(VARIABLE_PREFIX + field.name.upper()))
    }
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers = [saved(home), variables, given]
    values = {name: value for layer in layers for name, value in layer.items()}
    if values.get("runtimes"):
        values["runtimes"] = Path(values["runtimes"]).expanduser().resolve()
    for name in ACCUMULATED:
        values[name] = tuple(dict.fromkeys(entry for layer in layers for entry in layer.get(name) or ()))
    return Settings(home=home, **values)


def saved(home: Path) -> dict[str, Any]:
    """What `up` last saved in the home, empty for a new one."""
    try:
        values = json.loads(_file(home).read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise SettingError(f"Settings {_file(home)}: {error}, expected JSON. Delete the file.") from error
    known = {field.name for field in dataclasses.fields(Settings)}
    return {name: value for name, value in values.items() if name in known}


def how_to_set(name: str) -> str:
    """The sentence that tells how a setting is changed."""
    return f"Set it with --{name.replace('_', '-')} or {VARIABLE_PREFIX}{name.upper()}."


def _file(home: Path) -> Path:
    return home / "settings.json"


def _parse(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError as error:
        raise SettingError(f"Setting {name}: {text!r}, expected a number. {how_to_set(name)}") from error
    if kind == "bool":
        return _parse_bool(name, text)
    if kind.startswith("tuple"):
        return tuple(part for part in text.split(",") if part)
    return text


def _parse_bool(name: str, text: str) -> bool:
    known = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in known:
        raise SettingError(f"Setting {name}: {text!r}, expected 1 or 0. {how_to_set(name)}")
    return known[text.lower()]
