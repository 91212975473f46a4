"""Copies the lines of all log streams on disk into moto's CloudWatch Logs."""

from __future__ import annotations

import json
import threading
from typing import Any

from embedded_aws.cloudwatch.logs import INDEX, LineReader, StreamName, parse
from embedded_aws.settings import ACCOUNT, Settings

PERIOD_S = 0.2
READINGS = ("describe_log_groups", "describe_log_streams", "filter_log_events", "get_log_events")


def start(settings: Settings) -> None:
    """Put back all lines there are, then follow new ones in the background and before each reading.

    So a client that sees a job's last status finds all its lines.
    """
    feed = LogFeed(settings)
    feed.advance()
    for name in READINGS:
        feed.advance_before(name)
    threading.Thread(target=_follow, args=(feed,), name="log-feed", daemon=True).start()


def _follow(feed: LogFeed) -> None:
    pause = threading.Event()
    while not pause.wait(PERIOD_S):
        feed.advance()


class LogFeed:
    """Moves new lines from the streams' files into the log groups of moto's backend."""

    def __init__(self, settings: Settings) -> None:
        from moto.logs.models import logs_backends

        self._backend: Any = logs_backends[ACCOUNT][settings.region]
        self._settings = settings
        self._index = LineReader(settings.stream_dir / INDEX)
        self._open: dict[StreamName, LineReader] = {}
        self._lock = threading.Lock()

    def advance_before(self, name: str) -> None:
        """Have one of the backend's readings see everything written until it is asked for."""
        read = getattr(self._backend, name)

        def advance_and_read(*arguments: Any, **members: Any) -> Any:
            self.advance()
            return read(*arguments, **members)

        setattr(self._backend, name, advance_and_read)

    def advance(self) -> None:
        """Take in the streams opened, the lines written and the streams closed since the last call."""
        with self._lock:
            self._advance()

    def _advance(self) -> None:
        closed = []
        for line in self._index.new_lines():
            entry = json.loads(line)
            name = StreamName(entry["group"], entry["stream"])
            if entry["event"] == "closed":
                closed.append(name)
            elif name not in self._open:
                self._open[name] = LineReader(name.file(self._settings))
                self._create(name)
        for name, reader in self._open.items():
            self._put(name, reader.new_lines())
        for name in closed:
            self._open.pop(name, None)

    def _create(self, name: StreamName) -> None:
        if name.group not in self._backend.groups:
            self._backend.create_log_group(name.group, {})
        if name.stream not in self._backend.groups[name.group].streams:
            self._backend.create_log_stream(name.group, name.stream)

    def _put(self, name: StreamName, lines: list[bytes]) -> None:
        """Append to the stream itself: PutLogEvents would refuse lines older than 14 days."""
        if not lines:
            return
        events = []
        for line in lines:
            timestamp, message = parse(line)
            events.append({"timestamp": timestamp, "message": message})
        group = self._backend.groups.get(name.group)
        if group is not None and name.stream in group.streams:
            group.streams[name.stream].put_log_events(events)
