"""Make, list, rotate and revoke API keys: `python -m idc.serving.keys --help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from idc.errors import ConfigurationError, HistoflowError
from idc.serving.keyring import SCOPES, Keyring, id_of
from idc.settings import KeySettings, load

DAY_S = 86400.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; a new key alone goes to standard output."""
    asked = _parser().parse_args(arguments)
    try:
        keyring = Keyring(load(KeySettings).folder)
        try:
            asked.run(keyring, asked)
        finally:
            keyring.close()
    except HistoflowError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _create(keyring: Keyring, asked: argparse.Namespace) -> None:
    if asked.file is not None and asked.file.exists():
        print(f"{asked.file} is there already: kept", file=sys.stderr)
        return
    _check_file(asked.file)
    _give(keyring.create(asked.tenant, asked.scopes.split(","), _end(asked.days)), asked.file)


def _rotate(keyring: Keyring, asked: argparse.Namespace) -> None:
    _check_file(asked.file)
    key = keyring.rotate(asked.id, asked.overlap_hours * 3600, _end(asked.days))
    print(f"{asked.id} goes on working for {asked.overlap_hours:g} hours", file=sys.stderr)
    _give(key, asked.file)


def _revoke(keyring: Keyring, asked: argparse.Namespace) -> None:
    keyring.revoke(asked.id)
    print(f"{asked.id} is revoked", file=sys.stderr)


def _list(keyring: Keyring, _: argparse.Namespace) -> None:
    now = time.time()
    print(f"{'id':12}  {'state':8}  {'expires':20}  {'scopes':32}  tenant")
    for key in keyring.all():
        state = "revoked" if key.revoked_at is not None else "valid" if key.is_valid(now) else "expired"
        scopes = ",".join(scope for scope in SCOPES if scope in key.scopes)
        print(f"{key.id:12}  {state:8}  {_shown(key.expires_at):20}  {scopes:32}  {key.tenant}")


def _check_file(file: Path | None) -> None:
    """Refuse a file that cannot be written before there is a key that would be lost."""
    if file is None:
        return
    there = next(path for path in (file, *file.absolute().parents) if path.exists())
    if file.is_dir() or not (there == file or there.is_dir()) or not os.access(there, os.W_OK):
        action = "Name another; no key has been made."
        raise ConfigurationError("file", file, "cannot be written", "a file in a folder of yours", action)


def _give(key: str, file: Path | None) -> None:
    """Print a key this once, or write it to a file of mode 600."""
    print(f"key {id_of(key)}: shown this once, kept only as a hash", file=sys.stderr)
    if file is None:
        print(key)
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as opened:
        os.fchmod(handle, 0o600)
        opened.write(f"{key}\n")


def _end(days: float | None) -> float | None:
    return None if days is None else time.time() + days * DAY_S


def _shown(at: float | None) -> str:
    return "never" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m idc.serving.keys", description=__doc__)
    commands = parser.add_subparsers(required=True)
    create = commands.add_parser("create", help="make a key and print it")
    create.add_argument("tenant", help="whose key it is")
    create.add_argument("--scopes", default="predict,slides,feedback", help=f"of {','.join(SCOPES)}")
    create.set_defaults(run=_create)
    rotate = commands.add_parser("rotate", help="make a key that takes the place of another")
    rotate.add_argument("id")
    rotate.add_argument("--overlap-hours", type=float, default=24, help="while both work")
    rotate.set_defaults(run=_rotate)
    for command in (create, rotate):
        command.add_argument("--days", type=float, help="until it expires; by default it does not")
        command.add_argument("--file", type=Path, help="write the key there, readable by its owner only")
    revoke = commands.add_parser("revoke", help="end a key at once")
    revoke.add_argument("id")
    revoke.set_defaults(run=_revoke)
    commands.add_parser("list", help="show all keys, without their secrets").set_defaults(run=_list)
    return parser


if __name__ == "__main__":
    sys.exit(main())
