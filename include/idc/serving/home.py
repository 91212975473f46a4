"""The API's folder belongs to one server at a time: its slides are worked off by one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from idc.errors import ConflictError


def hold(folder: Path) -> int:
    """Make the folder this process's own until the descriptor returned is closed, or the process ends.

    Raises:
        ConflictError: another server holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        action = "Stop that one, or give this one a HISTOFLOW_HOME of its own."
        raise ConflictError("folder", folder, "held by another server", "no other", action) from error
    return handle
