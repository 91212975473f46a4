"""Wakes the controller: writes a byte into its FIFO."""

from __future__ import annotations

import os

from embedded_aws.settings import Settings


def wake_controller(settings: Settings) -> None:
    """Tell the controller that there is work; it also looks by itself twice a second."""
    try:
        fifo = os.open(settings.wake_fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return  # no controller just now: it looks at everything when it starts
    try:
        os.write(fifo, b"\0")
    except BlockingIOError:
        pass  # the FIFO is full of wake-ups already
    finally:
        os.close(fifo)
