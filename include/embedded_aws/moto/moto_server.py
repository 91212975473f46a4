"""The moto process: serves all services but SageMaker and S3, and restores what must survive.

Moto keeps its state in memory. At each start the roles of `up` are created again, and the log lines
and metrics of jobs and endpoints are copied from where we keep them.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from embedded_aws.cloudwatch import log_feed, metric_feed
from embedded_aws.moto import roles
from embedded_aws.settings import HOST, load
from embedded_aws.supervision.ports import Ports


def main() -> None:
    """Restore state, then serve until told to stop."""
    settings = load(Path(sys.argv[1]))
    ports = Ports.of(settings)
    os.environ["MOTO_PORT"] = str(ports.moto)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import run_simple

    roles.restore(settings)
    log_feed.start(settings)
    metric_feed.start(settings)
    application = DomainDispatcherApplication(create_backend_app)
    run_simple(HOST, ports.moto, application, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
