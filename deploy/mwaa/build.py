"""Makes what an Amazon MWAA environment takes from its bucket: run as `python build.py FOLDER`.

FOLDER gets `requirements.txt`, `plugins.zip`, `startup.sh` and `dags/` (with `constraints.txt`, where MWAA
finds it). The same sources make the same bytes.
"""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# MWAA brings Airflow and its database; the rest serves `make up` on one machine alone.
NOT_THERE = {
    "apache-airflow",
    "apache-airflow-providers-postgres",
    "asyncpg",
    "httpx",
    "psutil",
    "psycopg2-binary",
    "rich",
    "supervisor",
}
# Folders of the archive, whose root is on Airflow's path, and where each comes from.
PACKED = {"": "plugins", "idc": "include/idc", "training_scripts": "training_scripts"}
IGNORED = ("idc/", "training_scripts/")
MADE = {"dags", "plugins.zip", "requirements.txt", "startup.sh"}
CONSTRAINTS = "/usr/local/airflow/dags/constraints.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build(folder: Path) -> None:
    """Fill `folder`, which loses what an earlier build put there.

    Raises:
        SystemExit: it holds anything else.
    """
    others = {path.name for path in folder.glob("*")} - MADE
    if others:
        names = ", ".join(sorted(others))
        sys.exit(f"{folder}: holds {names}, expected nothing or an earlier build. Name another folder.")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dags").mkdir(parents=True)
    for path in sorted((ROOT / "dags").glob("*.py")):
        shutil.copyfile(path, folder / "dags" / path.name)
    (folder / "dags" / "constraints.txt").write_text("".join(pins("airflow")))
    (folder / "requirements.txt").write_text(requirements())
    (folder / "startup.sh").write_text(startup())
    pack(folder / "plugins.zip")


def pins(environment: str) -> Iterator[str]:
    """Yield the lines of a lock without the hashes, which a file of constraints cannot have."""
    for line in (ROOT / "requirements" / f"{environment}.txt").read_text().splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)==([^\s\\]+)", line):
            yield f"{found[1]}=={found[2]}\n"


def requirements() -> str:
    """Return what MWAA is to install: what `requirements/airflow.in` has for DAGs and plugins."""
    lines = (ROOT / "requirements" / "airflow.in").read_text().splitlines()
    wanted = [line for line in lines if line[:1].isalpha()]
    names = {line: re.split(r"[=\[<>~]", line)[0] for line in wanted}
    return f'--constraint "{CONSTRAINTS}"\n' + "".join(
        f"{line}\n" for line in wanted if names[line] not in NOT_THERE
    )


def startup() -> str:
    """Return the script that each component runs as it starts, the SageMaker SDK's lock inside."""
    template = (Path(__file__).parent / "startup.sh").read_text()
    return template.replace("@LOCK@\n", (ROOT / "requirements" / "sagemaker-sdk.txt").read_text())


def pack(archive: Path) -> None:
    """Write `plugins.zip`: the plugins and, beside them, the library and the scripts for jobs."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for below, source in PACKED.items():
            for path in sorted((ROOT / source).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    content = _ignoring(path) if path.name == ".airflowignore" else path.read_bytes()
                    _add(packed, (Path(below) / path.relative_to(ROOT / source)).as_posix(), content)


def _ignoring(path: Path) -> bytes:
    """Return the list of what Airflow must not execute as a plugin, with what is packed beside it."""
    return path.read_bytes() + "".join(f"{folder}\n" for folder in IGNORED).encode()


def _add(packed: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    packed.writestr(member, content)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    build(target)
    print(f"MWAA: {', '.join(sorted(path.name for path in target.iterdir()))} in {target}")
