"""Selects the variables that a service inherits from the shell that starts it.

Anything else, such as another AWS profile, another Airflow's configuration or a proxy, must not leak in.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from stack.settings import StackSettings

COMMON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
WITH_AMAZON = (
    "AWS_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
)


def variables(
    settings: StackSettings, names: Collection[str] = (), prefixes: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the caller's variables that pass: the common ones, our settings, these names and prefixes."""
    passing = ("HISTOFLOW_", *prefixes, *(WITH_AMAZON if settings.aws == "amazon" else ()))
    return {
        name: value
        for name, value in os.environ.items()
        if (name in COMMON or name in names or name.upper().startswith(passing))
        and name != "HISTOFLOW_DATABASE_URL"
    }


def settled(settings: StackSettings) -> dict[str, str]:
    """Return the stack's settings that the pipeline's code reads as well, as variables."""
    return {f"HISTOFLOW_{name.upper()}": str(getattr(settings, name)) for name in ("home", "envs", "bucket")}
