"""Model server: unpacks a model and runs the process that answers /ping and /invocations.

Endpoint instances and batch transform jobs use it.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from embedded_aws.cloudwatch.logs import StreamWriter
from embedded_aws.containers import runtimes
from embedded_aws.containers.container import ML, Container, Specification, Workspace, base_environment
from embedded_aws.s3 import artifacts, transfer
from embedded_aws.s3.transfer import Location
from embedded_aws.settings import HOST, Settings
from embedded_aws.store.resources import Document
from embedded_aws.supervision import processes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PING_PERIOD_S = 0.1
PING_TIMEOUT_S = 2.0
GRACE_S = 5.0
LAST_WORDS_S = 1.0
LONGEST_LINE_BYTES = 1024 * 1024


class ModelServer:
    """One serving process of a model's container, in a directory of its own."""

    def __init__(
        self, settings: Settings, s3: S3Client, isolation: str, directory: Path, hostname: str, owner: str
    ) -> None:
        self._settings = settings
        self._s3 = s3
        self._isolation = isolation
        self._directory = directory
        self._hostname = hostname
        self._owner = owner
        self._container: Container | None = None
        self._reader: threading.Thread | None = None
        self.port = 0

    @property
    def exit_code(self) -> int | None:
        """The server's exit code, None while it runs."""
        return None if self._container is None else self._container.exit_code

    @property
    def memory_bytes(self) -> int:
        """The memory of all the server's processes."""
        return 0 if self._container is None else self._container.usage().memory_bytes

    def start(
        self, definition: Document, threads: int, log: StreamWriter, environment: Mapping[str, str]
    ) -> None:
        """Fetch the model and start the server of a container definition; its lines go to the log.

        Raises:
            EmbeddedAwsError: its image or its model data cannot be used.
        """
        workspace = Workspace(self._directory / "ml", self._isolation)
        runtime = runtimes.find(runtimes.load(self._settings), definition["Image"])
        self._fetch_model(workspace, definition)
        self.port = _free_port()
        variables = {
            **base_environment(self._settings, runtime, self._directory / "home", threads, self._owner),
            "SAGEMAKER_BASE_DIR": ML,
            **definition.get("Environment", {}),
            **environment,
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            **processes.marks(self._settings.home, "container", self._owner),
        }
        container = self._container = Container(
            Specification(
                runtime.serve_command, variables, workspace.ml, ML, self._hostname, (self._hostname,)
            ),
            self._isolation,
        )
        self._reader = threading.Thread(target=_copy, args=(container, log), daemon=True)
        self._reader.start()

    def is_ready_within(self, timeout_s: float) -> bool:
        """Wait until the server answers /ping; False if it ends or the time passes first."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while not self.answers_ping():
            if self.exit_code is not None or time.monotonic() > deadline:
                self.read_last_words()
                return False
            pause.wait(PING_PERIOD_S)
        return True

    def answers_ping(self) -> bool:
        """Whether GET /ping is answered with 200."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PING_TIMEOUT_S)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def has_ended_within(self, timeout_s: float) -> bool:
        """Wait for the server's end; whether it has come."""
        return self._container is None or self._container.wait(timeout_s) is not None

    def read_last_words(self) -> None:
        """Give the last lines of a server that has ended time to reach the log."""
        if self._reader is not None:
            self._reader.join(LAST_WORDS_S)

    def end(self) -> None:
        """Ask the server to end, and kill it when it does not."""
        if self._container is not None and self._container.exit_code is None:
            self._container.terminate()
            if self._container.wait(GRACE_S) is None:
                self._container.kill()

    def kill(self) -> None:
        """End the server at once."""
        if self._container is not None:
            self._container.kill()

    def _fetch_model(self, workspace: Workspace, definition: Document) -> None:
        """Put the model into /opt/ml/model: an archive unpacked, or objects below a prefix as they are."""
        model = workspace.directory("model")
        source = definition.get("ModelDataSource", {}).get("S3DataSource")
        uri = source["S3Uri"] if source else definition.get("ModelDataUrl")
        if uri is None:
            return
        if source and source["CompressionType"] == "None":
            place = Location.parse(uri)
            transfer.download(self._s3, place.bucket, transfer.list_files(self._s3, place), model)
            return
        archive = self._directory / "model.tar.gz"
        transfer.download_one(self._s3, uri, archive)
        artifacts.unpack(archive, model)
        archive.unlink()


def _copy(container: Container, log: StreamWriter) -> None:
    while line := container.output.readline(LONGEST_LINE_BYTES):
        log.write(line.rstrip(b"\r\n"))


def _free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
