"""Compare InvokeEndpoint with direct requests to its worker and with the same model in process.

The model is a small dense network in NumPy on patches of 50×50 pixels. Worker and endpoint take turns
call by call, so that what else the machine does strikes them alike. Then an endpoint is updated under
load, at once and by a canary, and what failed is counted.
"""

from __future__ import annotations

import http.client
import io
import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy
from aws_endpoints import Endpoints
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from local_aws import REPOSITORY, LocalAws, interpreter
from measuring import Times, embedded_aws, show, timed, verdict

CALLS = 2_000
CALLS_AT_ONCE = 200
CLIENTS = 4
TARGET_MS = 1.0
NPY = "application/x-npy"
MODEL = """
import io, json, os
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a second one would fight with the client for its core
import numpy

def model_fn(model_dir):
    random = numpy.random.default_rng(0)
    return os.environ.get("ANSWER", ""), random.normal(size=(7500, 64)), random.normal(size=(64, 2))

def transform_fn(model, data, content_type, accept):
    answer, first, second = model
    patch = numpy.load(io.BytesIO(data)).reshape(1, -1) / 255
    scores = numpy.maximum(patch @ first, 0) @ second
    odds = numpy.exp(scores - scores.max())
    return json.dumps({"model": answer, "p": (odds / odds.sum()).tolist()}).encode(), "application/json"
"""
IN_PROCESS = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from embedded_aws.runtime.inference_server import Model, load_script
model = Model(load_script(sys.argv[2]), "")
body = sys.stdin.buffer.read()
seconds = []
for _ in range(int(sys.argv[3])):
    started = time.perf_counter()
    model.answer(body, "application/x-npy", "application/json")
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds))
"""


class Asked:
    """POSTs the same body again and again over one connection."""

    def __init__(self, port: int, path: str, body: bytes, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._path, self._body, self._headers = path, body, headers

    def __call__(self) -> None:
        self._connection.request("POST", self._path, self._body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content


def patch() -> bytes:
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.random.default_rng(1).integers(0, 255, (50, 50, 3), numpy.uint8))
    return buffer.getvalue()


def signed(aws: LocalAws, name: str, body: bytes) -> dict[str, str]:
    """The headers of a signed InvokeEndpoint; good for a quarter of an hour."""
    url = f"{aws.endpoint_url}/endpoints/{name}/invocations"
    request = AWSRequest("POST", url, data=body, headers={"content-type": NPY})
    credentials = Credentials(aws.env["AWS_ACCESS_KEY_ID"], aws.env["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "sagemaker", "us-east-1").add_auth(request)
    return dict(request.headers)


def port_of(aws: LocalAws, name: str) -> int:
    """The port of the endpoint's only worker."""
    with sqlite3.connect(aws.home / "state.sqlite3") as database:
        rows = database.execute("SELECT port FROM worker WHERE endpoint = ? AND state = 'ready'", (name,))
        return int(rows.fetchone()[0])


def in_process(aws: LocalAws, body: bytes) -> list[float]:
    """Seconds of calls of the same model in a process of the worker's interpreter."""
    script = aws.home.parent / "inference.py"
    script.write_text(MODEL)
    arguments = [str(REPOSITORY / "include"), str(script), str(CALLS)]
    command = [interpreter("dev"), "-c", IN_PROCESS, *arguments]
    done = subprocess.run(command, input=body, capture_output=True, check=True)
    return [float(second) for second in json.loads(done.stdout)]


def per_second(make: Callable[[], Asked]) -> float:
    """Requests a second of several clients at once."""
    clients = [make() for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=lambda client=client: timed([client] * CALLS_AT_ONCE)) for client in clients
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CLIENTS * CALLS_AT_ONCE / (time.perf_counter() - started)


def latency(aws: LocalAws, endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(MODEL))
    body = patch()
    headers = signed(aws, name, body)
    ways: dict[str, Callable[[], Asked]] = {
        "worker directly": lambda: Asked(port_of(aws, name), "/invocations", body, {"content-type": NPY}),
        "InvokeEndpoint": lambda: Asked(aws.port, f"/endpoints/{name}/invocations", body, headers),
    }
    seconds: dict[str, list[float]] = {"in process": in_process(aws, body), **{way: [] for way in ways}}
    asked = {way: make() for way, make in ways.items()}
    for one in asked.values():
        timed([one] * CALLS_AT_ONCE)
    for _ in range(CALLS):
        for way, one in asked.items():
            seconds[way] += timed([one]).seconds
    times = {way: Times(values) for way, values in seconds.items()}
    at_once = {way: f"{per_second(make):.0f}" for way, make in ways.items()}
    base = times["in process"]
    rows = [
        [
            way,
            f"{each.per_second:.0f}",
            at_once.get(way, ""),
            f"{each.milliseconds(50):.2f}",
            f"{each.milliseconds(99):.2f}",
            f"{each.milliseconds(50) / base.milliseconds(50):.2f}",
            f"{each.per_second / base.per_second:.2f}",
        ]
        for way, each in times.items()
    ]
    head = ["one patch", "per s", f"per s of {CLIENTS}", "p50 ms", "p99 ms", "p50 ratio", "rate ratio"]
    show("InvokeEndpoint", head, rows)
    added = times["InvokeEndpoint"].milliseconds(50) - times["worker directly"].milliseconds(50)
    print(f"the router adds {added:.2f} ms at p50")
    verdict(f"router under {TARGET_MS:.0f} ms at p50", added < TARGET_MS)
    endpoints.delete(name)


def update_under_load(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(MODEL, "old"))
    body, is_over = patch(), threading.Event()
    answers: list[str] = []
    failures: list[str] = []

    def load() -> None:
        runtime = endpoints.aws.client("sagemaker-runtime")
        while not is_over.is_set():
            try:
                answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=NPY)
                answers.append(json.loads(answer["Body"].read())["model"])
            except (BotoCoreError, ClientError) as error:
                failures.append(str(error))

    threads = [threading.Thread(target=load) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    canary = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 2}
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": canary}}
    changes: list[dict[str, Any]] = [{}, policy]
    for number, deployment in enumerate(changes):
        config = endpoints.config(endpoints.model(MODEL, f"new-{number}"))
        more = {"DeploymentConfig": deployment} if deployment else {}
        endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **more)
        endpoints.settled(name)
    is_over.set()
    for thread in threads:
        thread.join()
    rows = [[model, str(answers.count(model))] for model in dict.fromkeys(answers)]
    show("two updates under load", ["answered by", "requests"], [*rows, ["failed", str(len(failures))]])
    for failure in failures[:5]:
        print(failure)
    verdict("no request fails", not failures)


def main() -> None:
    with embedded_aws() as aws:
        endpoints = Endpoints(aws)
        latency(aws, endpoints)
        update_under_load(endpoints)


if __name__ == "__main__":
    main()
