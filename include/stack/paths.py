"""Where things are: the repository, the state folder and the environments.

Imports only the standard library, because it serves the set-up before any package is there.
"""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INCLUDE = REPOSITORY / "include"
REQUIREMENTS = REPOSITORY / "requirements"


def home() -> Path:
    """Return the folder that holds all state: `HISTOFLOW_HOME`, or `.histoflow` in the repository."""
    return Path(os.environ.get("HISTOFLOW_HOME") or REPOSITORY / ".histoflow").expanduser().absolute()


def environments() -> Path:
    """Return the folder of the Python environments: `HISTOFLOW_ENVS`, or `envs` in the state folder."""
    return Path(os.environ.get("HISTOFLOW_ENVS") or home() / "envs").expanduser().absolute()
