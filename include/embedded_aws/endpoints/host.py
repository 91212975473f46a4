"""Process of one endpoint instance: loads the model, starts the server and watches it."""

from __future__ import annotations

import shutil
import signal
import traceback
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from embedded_aws.cloudwatch.logs import ENDPOINT_GROUP, StreamName, StreamWriter
from embedded_aws.containers.model_server import ModelServer
from embedded_aws.endpoints import lifecycle, workers
from embedded_aws.errors import EmbeddedAwsError
from embedded_aws.settings import Settings
from embedded_aws.store.kinds import ENDPOINT, arn
from embedded_aws.store.resources import Document, Store
from embedded_aws.store.wake import wake_controller
from embedded_aws.wire import fault_injection

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_FAILED_PINGS = 3


class Ended(BaseException):
    """The controller asked for the instance's end."""


class Host:
    """Hosts one instance of one variant."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        s3: S3Client,
        isolation: str,
        id: str,
        endpoint: str,
        variant: Document,
    ) -> None:
        self._settings = settings
        self._store = store
        self._id = id
        self._endpoint = endpoint
        self._variant = variant
        self._directory = directory_of(settings, endpoint, id)
        owner = arn(settings, ENDPOINT, endpoint)
        self._server = ModelServer(settings, s3, isolation, self._directory, id, owner)

    def run(self) -> None:
        """Host the instance until it ends or is told to."""
        signal.signal(signal.SIGTERM, _end)
        name = StreamName(f"{ENDPOINT_GROUP}/{self._endpoint}", f"{self._variant['name']}/{self._id}")
        with StreamWriter(self._settings, name) as log:
            try:
                self._serve(log)
            except Ended:
                pass  # as asked
            except EmbeddedAwsError as error:
                self._fail(log, str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the instance has failed
                traceback.print_exc()
                self._fail(log, f"{type(error).__name__}: {error}")
            finally:
                self._server.end()
                shutil.rmtree(self._directory, ignore_errors=True)
        wake_controller(self._settings)

    def _serve(self, log: StreamWriter) -> None:
        """Start the server, report it ready once it answers, and watch it."""
        server = self._server
        server.start(self._variant["container"], max(1, self._settings.cores), log, {})
        timeout_s = self._variant["startup_s"] or self._settings.endpoint_startup_s
        if self._is_ping_refused() or not server.is_ready_within(timeout_s):
            self._fail(log, lifecycle.failure_of(self._variant["name"]))
            return
        workers.be_ready(self._store, self._id, server.port)
        wake_controller(self._settings)
        self._fail(log, self._watch())

    def _watch(self) -> str:
        """Check the server's health until it has ended or fails the check; why it is of no use any more."""
        failed = 0
        while not self._server.has_ended_within(self._settings.ping_period_s):
            failed = 0 if self._server.answers_ping() else failed + 1
            if failed == MOST_FAILED_PINGS:
                return f"The server failed {failed} ping health checks in a row and is replaced."
        return f"The server ended with exit code {self._server.exit_code}."

    def _is_ping_refused(self) -> bool:
        """Whether a test asked for an instance that never passes /ping."""
        faults = self._settings.faults
        return (
            faults
            and fault_injection.take(self._store, fault_injection.REFUSE_PING, self._endpoint) is not None
        )

    def _fail(self, log: StreamWriter, why: str) -> None:
        log.write(why.encode())
        workers.move(self._store, self._id, "failed", why)


def directory_of(settings: Settings, endpoint: str, id: str) -> Path:
    """Where an instance's files are."""
    return settings.work_dir / "Endpoint" / endpoint / id


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Ended
