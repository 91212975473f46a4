"""The log's lines, in the form of the service's algorithm: what reads its logs reads these."""

from __future__ import annotations

import logging
import sys

_FORMAT = "[%(asctime)s %(levelname)s %(process)d] %(message)s"
_TIME = "%m/%d/%Y %H:%M:%S"


def opened() -> logging.Logger:
    """The log, which goes to standard output."""
    log = logging.getLogger("image_classification")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(_FORMAT, _TIME))
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    return log
