"""Our operators between an embedded AWS and a network that loses answers, throttles and breaks."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import airflow_task
import pytest
from local_aws import LocalAws

from histoflow.hooks.aws import AwsHook
from histoflow.operators.sagemaker import SageMakerProcessingOperator
from idc.aws_errors import client_config
from idc.errors import RequestRejected
from idc.jobs.spec import JobKind, JobSpec

pytestmark = pytest.mark.slow

Fault = Callable[["Handler", str], bool]


class Network(ThreadingHTTPServer):
    """Passes requests on to the embedded AWS, except where a fault takes them."""

    daemon_threads = True

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.upstream_port = upstream_port
        self.seen: Counter[str] = Counter()
        self.faults: dict[str, list[Fault]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class Handler(BaseHTTPRequestHandler):
    server: Network

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.server.seen[operation] += 1
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        waiting = self.server.faults.get(operation, [])
        if not (waiting and waiting.pop(0)(self, operation)):
            status, body = self.pass_on()
            self.answer(status, body)

    def pass_on(self) -> tuple[int, bytes]:
        address = ("127.0.0.1", self.server.upstream_port)
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=30)) as upstream:
            upstream.request("POST", self.path, self.body, dict(self.headers))
            reply = upstream.getresponse()
            return reply.status, reply.read()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def lost(handler: Handler, operation: str) -> bool:
    """The service does what it is asked, and the answer never arrives."""
    handler.pass_on()
    handler.close_connection = True
    handler.connection.close()
    return True


def throttled(handler: Handler, operation: str) -> bool:
    handler.answer(400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode())
    return True


def unavailable(handler: Handler, operation: str) -> bool:
    handler.answer(503, b"{}")
    return True


@pytest.fixture
def network(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    network = Network(embedded_aws.port)
    thread = threading.Thread(target=network.serve_forever)
    thread.start()
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", network.url)
    yield network
    network.shutdown()
    thread.join()
    network.server_close()


@pytest.fixture
def spec(embedded_aws: LocalAws) -> JobSpec:
    request = {
        "AppSpecification": {
            "ImageUri": embedded_aws.image,
            "ContainerEntrypoint": ["python3", "-c", "print(1)"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "RoleArn": embedded_aws.role_arn,
    }
    return JobSpec(JobKind.PROCESSING, f"network-{time.time_ns()}", request)


def run(spec: JobSpec) -> Any:
    return airflow_task.run(SageMakerProcessingOperator(task_id="convert", spec=spec.to_dict()))


def jobs_of(aws: LocalAws, spec: JobSpec) -> list[str]:
    answer = aws.client("sagemaker").list_processing_jobs(NameContains=spec.prefix)
    return [job["ProcessingJobName"] for job in answer["ProcessingJobSummaries"]]


def test_a_create_call_whose_answer_is_lost_makes_one_job(
    embedded_aws: LocalAws, network: Network, spec: JobSpec
) -> None:
    network.faults["CreateProcessingJob"] = [lost]

    assert run(spec)["job"] == spec.name()
    assert network.seen["CreateProcessingJob"] == 2
    assert jobs_of(embedded_aws, spec) == [spec.name()]


def test_throttling_and_503_are_waited_out(embedded_aws: LocalAws, network: Network, spec: JobSpec) -> None:
    network.faults["CreateProcessingJob"] = [throttled, unavailable]
    network.faults["DescribeProcessingJob"] = [throttled, throttled, unavailable, lost, throttled]

    assert run(spec)["job"] == spec.name()
    assert jobs_of(embedded_aws, spec) == [spec.name()]


def test_a_trigger_outlives_a_service_that_is_away(
    embedded_aws: LocalAws, spec: JobSpec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(AwsHook, "policy", client_config(1, connect_timeout_s=1))
    operator = SageMakerProcessingOperator(task_id="convert", spec=spec.to_dict())
    deferred = airflow_task.deferral(operator)
    network = Network(embedded_aws.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", network.url)
    network.server_close()

    async def wait() -> Any:
        event = asyncio.ensure_future(airflow_task.first_event(airflow_task.revived(deferred.trigger)))
        while "Could not connect" not in capsys.readouterr().out:
            done, _ = await asyncio.wait([event], timeout=0.1)
            assert not done, event.result()
        back = Network(embedded_aws.port, network.server_address[1])
        threading.Thread(target=back.serve_forever, daemon=True).start()
        try:
            return await event
        finally:
            back.shutdown()
            back.server_close()

    assert asyncio.run(wait())["outcome"] == "at rest"


def test_a_request_that_is_not_valid_is_sent_once(network: Network, spec: JobSpec) -> None:
    bad = JobSpec(
        spec.kind, spec.prefix, {**spec.request, "RoleArn": "arn:aws:iam::123456789012:user/nobody"}
    )

    with pytest.raises(RequestRejected, match="ValidationException"):
        run(bad)
    assert network.seen["CreateProcessingJob"] == 1
