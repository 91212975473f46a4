"""Serve the REST API: `python -m idc.serving`, set up by the variables HISTOFLOW_API_…."""

from __future__ import annotations

import sys

import uvicorn

from idc.errors import HistoflowError
from idc.serving import logs
from idc.serving.api import create_app
from idc.settings import ApiSettings, load

KEEP_ALIVE_S = 30
SHUTDOWN_S = 20


def main() -> int:
    """Serve until told to stop."""
    logs.configure()
    try:
        settings = load(ApiSettings)
        app = create_app(settings)
    except HistoflowError as error:
        print(error, file=sys.stderr)
        return 1
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=SHUTDOWN_S,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
