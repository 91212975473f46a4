"""The process that serves what is neither SageMaker nor S3: moto, with what must survive put back.

Moto keeps its state in memory. The roles asked for at `up` are made again at every start, and the
log lines of jobs and endpoints and the metrics of jobs are fed from where we keep them, so that they
outlive any restart.
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
