"""The process that hosts one instance of an endpoint: model in, server up, watched until told to end."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from embedded_aws import artifacts, channels, processes, runtimes
from embedded_aws.containers import ML, Container, Specification, Workspace, base_environment
from embedded_aws.errors import EmbeddedAwsError
from embedded_aws.hosting import lifecycle, workers
from embedded_aws.kinds import ENDPOINT, arn
from embedded_aws.logs import ENDPOINT_GROUP, StreamName, StreamWriter
from embedded_aws.settings import HOST, Settings
from embedded_aws.store import Document, Store
from embedded_aws.wake import wake_controller

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PING_PERIOD_S = 0.1
PING_TIMEOUT_S = 2.0
WATCH_PERIOD_S = 0.25
GRACE_S = 5.0
LONGEST_LINE_BYTES = 1024 * 1024


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
        self._s3 = s3
        self._isolation = isolation
        self._id = id
        self._endpoint = endpoint
        self._variant = variant
        self._directory = directory_of(settings, endpoint, id)
        self._container: Container | None = None

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
                self._end_container()
                shutil.rmtree(self._directory, ignore_errors=True)
        wake_controller(self._settings)

    def _serve(self, log: StreamWriter) -> None:
        """Start the server, report it ready once it answers, and watch it."""
        workspace = Workspace(self._directory / "ml", self._isolation)
        runtime = runtimes.find(runtimes.load(self._settings), self._variant["container"]["Image"])
        self._fetch_model(workspace)
        port = _free_port()
        container = self._container = Container(
            self._specification(workspace, runtime, port), self._isolation
        )
        reader = threading.Thread(target=_copy, args=(container, log), daemon=True)
        reader.start()
        deadline = time.monotonic() + (self._variant["startup_s"] or self._settings.endpoint_startup_s)
        pause = threading.Event()
        while not _answers_ping(port):
            if container.exit_code is not None or time.monotonic() > deadline:
                reader.join(timeout=1)
                self._fail(log, lifecycle.failure_of(self._variant["name"]))
                return
            pause.wait(PING_PERIOD_S)
        workers.be_ready(self._store, self._id, port)
        wake_controller(self._settings)
        while container.wait(WATCH_PERIOD_S) is None:
            continue
        self._fail(log, f"The server ended with exit code {container.exit_code}.")

    def _fetch_model(self, workspace: Workspace) -> None:
        """Unpack the model's archive into /opt/ml/model."""
        model = workspace.directory("model")
        uri = self._variant["container"].get("ModelDataUrl")
        if uri is None:
            return
        archive = self._directory / "model.tar.gz"
        channels.download_one(self._s3, uri, archive)
        artifacts.unpack(archive, model)
        archive.unlink()

    def _specification(self, workspace: Workspace, runtime: runtimes.Runtime, port: int) -> Specification:
        owner = arn(self._settings, ENDPOINT, self._endpoint)
        threads = max(1, self._settings.cores)
        environment = {
            **base_environment(self._settings, runtime, self._directory / "home", threads, owner),
            "SAGEMAKER_BASE_DIR": ML,
            **self._variant["container"].get("Environment", {}),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            **processes.marks(self._settings.home, "container", owner),
        }
        return Specification(runtime.serve_command, environment, workspace.ml, ML, self._id, (self._id,))

    def _fail(self, log: StreamWriter, why: str) -> None:
        log.write(why.encode())
        workers.move(self._store, self._id, "failed", why)

    def _end_container(self) -> None:
        container = self._container
        if container is not None and container.exit_code is None:
            container.terminate()
            if container.wait(GRACE_S) is None:
                container.kill()


def directory_of(settings: Settings, endpoint: str, id: str) -> Path:
    """Where an instance's files are."""
    return settings.work_dir / "Endpoint" / endpoint / id


def _copy(container: Container, log: StreamWriter) -> None:
    while line := container.output.readline(LONGEST_LINE_BYTES):
        log.write(line.rstrip(b"\r\n"))


def _free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers_ping(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=PING_TIMEOUT_S)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Ended
