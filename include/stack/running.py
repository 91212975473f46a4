"""Keeps a service's processes running with today's settings, and waits until they are healthy."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence

from embedded_aws.errors import NotStarted
from embedded_aws.supervision import supervisord
from embedded_aws.supervision.supervisord import Group
from stack import inherited, processes
from stack.console import say
from stack.errors import ServiceFailed

HEARTBEAT_S = 20.0


def keep(
    name: str,
    group: Group,
    commands: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    prepare: Callable[[], None],
) -> None:
    """Start a service's processes unless they run with the same commands and variables.

    Processes that supervisord has given up are started again.

    Args:
        name: of the service, for people.
        group: its processes.
        commands: by the name of each process.
        environment: the whole of it.
        prepare: what has to be done before they start.

    Raises:
        ServiceFailed: supervisord does not start.
    """
    stamp, digest = group.run / f"{name}.sha256", _digest(commands, environment)
    if supervisord.is_running(group) and not (stamp.is_file() and stamp.read_text() == digest):
        say(f"{name}: restarting, because its settings have changed")
        stop(group)
    if supervisord.is_running(group):
        supervisord.start_given_up(group)
        return
    if strays := processes.stop(group.home):
        say(f"{name}: ended {len(strays)} processes left by an earlier start")
    prepare()
    try:
        supervisord.start(group, commands, environment)
    except NotStarted as error:
        raise ServiceFailed(f"{name}: {error}") from error
    stamp.write_text(digest)


def stop(group: Group) -> None:
    """Stop a service's processes and whatever they left."""
    supervisord.shut_down(group)
    processes.stop(group.home)


def wait_until_healthy(
    name: str, group: Group, unhealthy: Callable[[], Sequence[str]], timeout_s: float
) -> float:
    """Wait until all parts are healthy, and print now and then which are not; return the seconds it took.

    Raises:
        ServiceFailed: a process keeps dying, or the time is over; with the end of its log.
    """
    started = said = time.monotonic()
    while parts := unhealthy():
        now = time.monotonic()
        given_up = [c.name for c in supervisord.components(group) or [] if c.is_given_up]
        if given_up or now - started > timeout_s:
            part = given_up[0] if given_up else parts[0]
            raise ServiceFailed(_post_mortem(name, part, group, now - started, timeout_s))
        if now - said > HEARTBEAT_S:
            said = now
            say(f"{name}: waiting for {', '.join(parts)} ({now - started:.0f} s)")
        time.sleep(0.3)
    return time.monotonic() - started


def _post_mortem(name: str, part: str, group: Group, waited_s: float, timeout_s: float) -> str:
    path = supervisord.log_path(group, part)
    lines = path.read_text(errors="replace").splitlines()[-20:] if path.is_file() else []
    return (
        f"{name} {part}: not healthy after {waited_s:.0f} s, expected within {timeout_s:.0f} s. "
        f"The end of {path}:\n" + "\n".join(lines)
    )


def _digest(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> str:
    """Return a digest of commands and variables, without those of the calling shell."""
    compared = {name: value for name, value in environment.items() if name not in inherited.COMMON}
    return hashlib.sha256(json.dumps([commands, compared], sort_keys=True).encode()).hexdigest()
