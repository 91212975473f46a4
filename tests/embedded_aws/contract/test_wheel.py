"""The wheel in an environment of its own: what its README says, line by line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from local_aws import ENVIRONMENTS, REPOSITORY, free_ports, interpreter

PACKAGE = REPOSITORY / "include" / "embedded_aws"
UV = ENVIRONMENTS / "bootstrap" / "bin" / "uv"
LOCK = REPOSITORY / "requirements" / "embedded-aws.txt"
BLOCK = re.compile(r'^```(sh|python)(?: title="([a-z_.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
INSTALL = "pip install embedded-aws\n"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not UV.exists(), reason="uv is not installed")]


def uv(*arguments: object, cwd: Path | None = None) -> str:
    """Run uv without the network; what it printed."""
    variables = {**os.environ, "UV_OFFLINE": "1", "UV_PYTHON_DOWNLOADS": "never"}
    command = [str(UV), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3.*/site-packages")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the package."""
    folder = tmp_path_factory.mktemp("wheel")
    source = shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder / "dist", source)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the locked libraries, out of uv's cache, and the wheel."""
    made = tmp_path_factory.mktemp("installed") / "env"
    uv("venv", "--python", interpreter("embedded-aws"), made)
    uv("pip", "sync", "--python", made, "--require-hashes", LOCK)
    uv("pip", "install", "--python", made, "--no-deps", wheel)
    return made


def test_it_holds_the_whole_package(wheel: Path) -> None:
    held = {name.removeprefix("embedded_aws/") for name in zipfile.ZipFile(wheel).namelist()}
    expected = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*") if path.suffix in {".py", ".typed"}
    }
    expected.add("containers/default_runtimes.toml")
    assert expected == {name for name in held if ".dist-info/" not in name}
    licence = next(name for name in held if name.endswith("licenses/LICENSE"))
    assert "Apache License" in zipfile.ZipFile(wheel).read(licence).decode()


def test_its_dependencies_are_those_of_the_lock(environment: Path) -> None:
    assert "compatible" in uv("pip", "check", "--python", environment)
    (path,) = site_packages(environment).glob("embedded_aws-*.dist-info")
    required = Distribution.at(path).requires or []
    direct = LOCK.with_suffix(".in").read_text().splitlines()
    assert {re.split(r"[<>=]", line)[0] for line in required} == {re.split("==", line)[0] for line in direct}


def test_the_quickstart_of_the_readme(environment: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall((PACKAGE / "README.md").read_text())
    commands = [text for language, _, text in blocks if language == "sh"]
    assert commands[0] == INSTALL
    for language, title, text in blocks:
        if language == "python":
            (tmp_path / title).write_text(text)
    port, s3_port = free_ports()
    variables = {
        "HOME": str(tmp_path),
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "EMBEDDED_AWS_PORT": str(port),
        "EMBEDDED_AWS_S3_PORT": str(s3_port),
    }

    def shell(lines: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", lines],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = shell("python -c 'import embedded_aws; print(embedded_aws.__file__)'")
    assert where.startswith(str(environment))
    try:
        printed = shell("".join(commands[1:-1]))
    finally:
        ended = shell(commands[-1])
    assert "job: Completed s3://data/jobs/line-" in printed
    assert "prediction: [21.0, 41.0]" in printed
    assert re.search(r"^line-\S+ +TrainingJob +Completed ", printed, re.MULTILINE)
    assert re.search(r"^line-\S+ +InService", printed, re.MULTILINE)
    assert ended == "embedded AWS: down\n"
    assert (tmp_path / ".embedded-aws" / "state.sqlite3").exists()
