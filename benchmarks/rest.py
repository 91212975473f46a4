"""Compare a patch sent to the REST API with the same patch sent to InvokeEndpoint by boto3 and plain HTTP.

The model is a small dense network in NumPy on patches of 50×50 pixels. The three ways take turns call by
call, so that what else the machine does strikes them alike; then each is asked by several clients at once.
The target is what the API adds at the median to what a client with boto3 would wait.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aws_endpoints import Endpoints
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from contract import rest
from contract.rest import Api, image, patch
from embedded_aws_invoke import Asked
from local_aws import LocalAws
from measuring import Times, embedded_aws, show, timed, verdict

CALLS = 2_000
CALLS_AT_ONCE = 300
WARM_UP = 200
CLIENTS = 4
TARGET_MS = 3.0
X_IMAGE = "application/x-image"
BOTO3, BARE, API = "InvokeEndpoint by boto3", "InvokeEndpoint, bare HTTP", "POST /v1/predictions"
PATCH = image(patch(rest.VIOLET, texture=20))


def by_boto3(aws: LocalAws, endpoint: str) -> Callable[[], object]:
    """Return a call by a client of its own, as an application would keep one."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=1)
    runtime = aws.client("sagemaker-runtime", config=config)

    def call() -> object:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=PATCH, ContentType=X_IMAGE)
        return answer["Body"].read()

    return call


def bare(aws: LocalAws, endpoint: str) -> Callable[[], object]:
    """Return a call with headers signed once."""
    path = f"/endpoints/{endpoint}/invocations"
    request = AWSRequest("POST", aws.endpoint_url + path, data=PATCH, headers={"content-type": X_IMAGE})
    credentials = Credentials(aws.env["AWS_ACCESS_KEY_ID"], aws.env["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "sagemaker", "us-east-1").add_auth(request)
    return Asked(aws.port, path, PATCH, dict(request.headers))


def through_the_api(api: Api) -> Callable[[], object]:
    """Return a call with an API key."""
    headers = {"content-type": "image/png", "authorization": f"Bearer {api.key}"}
    return Asked(api.port, "/v1/predictions", PATCH, headers)


def per_second(make: Callable[[], Callable[[], object]]) -> tuple[float, float]:
    """Return the requests a second of several clients at once, and the 99th percentile in milliseconds."""
    clients = [make() for _ in range(CLIENTS)]
    taken: list[Times] = []
    threads = [
        threading.Thread(target=lambda client=client: taken.append(timed([client] * CALLS_AT_ONCE)))
        for client in clients
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = CLIENTS * CALLS_AT_ONCE / (time.perf_counter() - started)
    return rate, Times([second for times in taken for second in times.seconds]).milliseconds(99)


def main() -> None:
    with embedded_aws() as aws, tempfile.TemporaryDirectory() as home:
        fleet = rest.Fleet(Endpoints(aws))
        fleet.create(fleet.config(*fleet.version()))
        limit = "1000000/second"
        with rest.api(aws, fleet.name, Path(home), rate_limit=limit) as api:
            compare(
                {
                    BARE: lambda: bare(aws, fleet.name),
                    BOTO3: lambda: by_boto3(aws, fleet.name),
                    API: lambda: through_the_api(api),
                }
            )


def compare(ways: dict[str, Callable[[], Callable[[], object]]]) -> None:
    asked = {way: make() for way, make in ways.items()}
    for call in asked.values():
        timed([call] * WARM_UP)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(CALLS):
        for way, call in asked.items():
            seconds[way] += timed([call]).seconds
    times = {way: Times(values) for way, values in seconds.items()}
    base, rows = times[BOTO3], []
    for way, each in times.items():
        rate, slow = per_second(ways[way])
        figures = [
            each.milliseconds(50),
            each.milliseconds(99),
            each.milliseconds(50) / base.milliseconds(50),
        ]
        rows.append([way, *(f"{figure:.2f}" for figure in figures), f"{rate:.0f}", f"{slow:.1f}"])
    head = ["one patch", "p50 ms", "p99 ms", "p50 ratio", f"per s of {CLIENTS}", "p99 ms then"]
    show("REST API", head, rows)
    added = times[API].milliseconds(50) - base.milliseconds(50)
    print(f"the API adds {added:.2f} ms at p50 to InvokeEndpoint by boto3, ", end="")
    print(f"{times[API].milliseconds(50) - times[BARE].milliseconds(50):.2f} ms to the bare request")
    verdict(f"the API adds under {TARGET_MS:.0f} ms at p50", added < TARGET_MS)


if __name__ == "__main__":
    main()
