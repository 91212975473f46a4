"""Agent of a batch transform job: one model server an instance; the instances share the objects."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import Future, wait
from typing import Any

from embedded_aws.cloudwatch.logs import TRANSFORM_GROUP, StreamName, StreamWriter
from embedded_aws.containers.model_server import ModelServer
from embedded_aws.jobs import failure, input_sources
from embedded_aws.jobs.container_agent import memory_limit_bytes
from embedded_aws.jobs.job_agent import JobAgent
from embedded_aws.s3.transfer import Location
from embedded_aws.store.resources import Document
from embedded_aws.transform.model_client import STRATEGIES, ModelClient, Parameters
from embedded_aws.transform.sender import Sender, Task
from embedded_aws.transform.transform_states import STATES

TICK_S = 0.1
MEMORY_PERIOD_S = 1.0
NO_PING = (
    "Model container failed to respond to ping. "
    "Please ensure /ping endpoint is implemented and responds with an HTTP 200 status code"
)
_VARIABLES = {
    "MaxConcurrentTransforms": "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
    "MaxPayloadInMB": "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "BatchStrategy": "SAGEMAKER_BATCH_STRATEGY",
}


class ServerFailed(Exception):
    """A model server does not start, ends or takes too much memory; the message is the job's reason."""


class TransformAgent(JobAgent):
    """Looks after one batch transform job."""

    states = STATES
    log_group = TRANSFORM_GROUP

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._servers: list[ModelServer] = []
        self._senders: list[Sender] = []
        self._logs: list[StreamWriter] = []

    def work(self) -> None:
        """Find the objects, start the servers, send every object to one of them."""
        self.change(self.states.start)
        data = self.document["TransformInput"]["DataSource"]["S3DataSource"]
        source = input_sources.Source(Location.parse(data["S3Uri"]), data["S3DataType"])
        bucket, files = input_sources.objects(self.s3, source)
        count = min(self.document["TransformResources"]["InstanceCount"], len(files))
        try:
            data_logs = [self._start_server(count) for _ in range(count)]
            for server in self._servers:
                self._await_ready(server)
            requests: list[Future[str]] = []
            for number, log in enumerate(data_logs):
                sender = self._sender(number)
                requests += sender.start(bucket, files[number::count], log)
            self._await_all(requests)
        except ServerFailed as error:
            self._finish(str(error))
            return
        for server in self._servers:
            server.end()
        reasons = [reason for request in requests if (reason := request.result())]
        self._finish(reasons[0] if reasons else "")

    def release(self) -> None:
        """Kill the servers and give up what has not been sent."""
        for sender in self._senders:
            sender.close()
        for server in self._servers:
            server.kill()
            server.read_last_words()
        for log in self._logs:
            log.close()

    def _start_server(self, count: int) -> StreamWriter:
        """Start one instance's server; the log for what the service says of its data."""
        instance = f"i-{secrets.token_hex(8)}"
        stream = f"{self.name}/{instance}-{int(time.time())}"
        log = self._open_log(stream)
        server = ModelServer(
            self.settings, self.s3, self.isolation, self.directory / instance, instance, self.arn
        )
        self._servers.append(server)
        server.start(self.document["_container"], max(1, self.threads() // count), log, self._environment())
        return self._open_log(f"{stream}/data-log")

    def _open_log(self, stream: str) -> StreamWriter:
        log = StreamWriter(self.settings, StreamName(self.log_group, stream))
        self._logs.append(log)
        return log

    def _environment(self) -> dict[str, str]:
        """What the service adds to the model's environment, and what the request does."""
        told = {
            variable: STRATEGIES.get(self.document[member], str(self.document[member]))
            for member, variable in _VARIABLES.items()
            if member in self.document
        }
        return {"SAGEMAKER_BATCH": "true", **told, **self.document.get("Environment", {})}

    def _await_ready(self, server: ModelServer) -> None:
        deadline = time.monotonic() + self.settings.endpoint_startup_s
        while not server.is_ready_within(TICK_S):
            self.check_stop()
            if server.exit_code is not None or time.monotonic() > deadline:
                server.read_last_words()
                raise ServerFailed(f"AlgorithmError: {NO_PING}")

    def _sender(self, number: int) -> Sender:
        """What sends an instance's objects, with the parameters asked for or told by the container."""
        document = self.document
        task = Task(document["TransformInput"], document["TransformOutput"], document["DataProcessing"])
        client = ModelClient(
            self._servers[number].port, document.get("ModelClientConfig", {}), task.content_type, task.accept
        )
        is_told_all = all(document.get(member) for member in _VARIABLES)
        parameters = Parameters.effective(document, {} if is_told_all else client.told_parameters())
        sender = Sender(self.s3, client, task, parameters, self.directory / f"objects-{number}")
        self._senders.append(sender)
        return sender

    def _await_all(self, requests: list[Future[str]]) -> None:
        """Wait for every object, or for the end of a server, of the memory or of the job."""
        limit_bytes = memory_limit_bytes(self.settings)
        next_memory = time.monotonic() + MEMORY_PERIOD_S
        while wait(requests, TICK_S).not_done:
            self.check_stop()
            for server in self._servers:
                if server.exit_code is not None:
                    server.read_last_words()
                    raise ServerFailed(failure.algorithm_error("The model server ended", server.exit_code))
            if time.monotonic() > next_memory:
                next_memory = time.monotonic() + MEMORY_PERIOD_S
                if sum(server.memory_bytes for server in self._servers) > limit_bytes:
                    raise ServerFailed(failure.algorithm_error("", failure.OUT_OF_MEMORY_EXIT))

    def _finish(self, reason: str) -> None:
        """The final status: one object that failed fails the job, after the others are done."""

        def transition(document: Document, now: float) -> None:
            if self.states.is_stopping(document):
                self.states.stop(document, now)
            elif reason:
                self.states.fail(document, reason, now)
            else:
                self.states.complete(document, now)

        self.change(transition)
