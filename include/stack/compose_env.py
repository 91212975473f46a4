"""Makes the `.env` of docker-compose.yaml from `.env.example`, with secrets of its own.

Run as `python -m stack.compose_env`; it imports only the standard library.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

from stack import paths

FERNET = "AIRFLOW_FERNET_KEY"


def filled(example: str) -> str:
    """Return the example with a new secret for every variable that has no value."""
    return "".join(_filled(line) for line in example.splitlines(keepends=True))


def write(repository: Path) -> bool:
    """Write the `.env` readable by its owner only; False if there is one, which is left alone."""
    try:
        handle = os.open(repository / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(filled((repository / ".env.example").read_text()))
    return True


def _filled(line: str) -> str:
    name, separator, value = line.rstrip("\n").partition("=")
    if not separator or value or name.startswith("#"):
        return line
    secret = (
        base64.urlsafe_b64encode(os.urandom(32)).decode() if name == FERNET else secrets.token_urlsafe(32)
    )
    return f"{name}={secret}\n"


def main() -> int:
    """Write it, and say so."""
    made = write(paths.REPOSITORY)
    print(".env: made, with secrets of its own" if made else ".env: there already, left as it is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
