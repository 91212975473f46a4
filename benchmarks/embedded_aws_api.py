"""Compare Describe, List and Create per second with moto's server, with 10,000 stored training jobs.

Both get the same requests, signed beforehand, one after the other over http.client. One endless job
holds the embedded AWS's only place, so that what is created waits, as moto's jobs never run either.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from local_aws import ROLE_ARN, TEST_IMAGE, LocalAws, archive, free_ports, interpreter, wait_until
from measuring import Times, embedded_aws, show, timed, verdict

STORED = 10_000
CALLS = 1_000
TARGET = 3.0
TARGETS = ("Describe", "List", "Create")
ENDLESS = "import signal; signal.pause()"


def request(name: str) -> dict[str, object]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": TEST_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:accuracy", "Regex": "accuracy=([0-9.]+)"}],
        },
        "RoleArn": ROLE_ARN,
        "HyperParameters": {"epochs": "10", "learning-rate": "0.001", "batch-size": "128"},
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://data/{channel}"}},
            }
            for channel in ("train", "validation")
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://data/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [{"Key": "digest", "Value": name}],
    }


class Server:
    """One of the two servers, asked over a kept connection where it keeps one."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._url = f"http://127.0.0.1:{port}/"
        self._credentials = credentials

    def signed(self, operation: str, members: dict[str, object]) -> AWSRequest:
        headers = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        call = AWSRequest("POST", self._url, headers=headers, data=json.dumps(members).encode())
        SigV4Auth(self._credentials, "sagemaker", "us-east-1").add_auth(call)
        return call

    def ask(self, call: AWSRequest) -> None:
        self._connection.request("POST", "/", body=call.data, headers=dict(call.headers))
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body

    def measure(self) -> dict[str, Times]:
        """Each operation, with the jobs stored that are stored."""
        choose = random.Random(1)
        names = [f"stored-{choose.randrange(STORED)}" for _ in range(CALLS)]
        series = {
            "Describe": [self.signed("DescribeTrainingJob", {"TrainingJobName": name}) for name in names],
            "List": [self.signed("ListTrainingJobs", {"MaxResults": 10}) for _ in range(CALLS)],
            "List by name": [
                self.signed("ListTrainingJobs", {"NameContains": name[:-1], "MaxResults": 10})
                for name in names[: CALLS // 4]
            ],
            "Create": [
                self.signed("CreateTrainingJob", request(f"created-{number}")) for number in range(CALLS)
            ],
        }
        return {
            operation: timed(partial(self.ask, call) for call in calls) for operation, calls in series.items()
        }

    def store(self) -> None:
        """Create the jobs that are stored when the measuring begins."""
        for number in range(STORED):
            self.ask(self.signed("CreateTrainingJob", request(f"stored-{number}")))


def fill(aws: LocalAws, server: Server) -> None:
    """Store jobs that are done, as ten thousand runs would have left them, and keep new ones waiting."""
    aws.client("s3").put_object(Bucket=aws.bucket, Key="endless.tar.gz", Body=archive(train=ENDLESS))
    code = f"s3://{aws.bucket}/endless.tar.gz"
    parameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": code}
    endless = {**request("endless"), "HyperParameters": parameters}
    del endless["InputDataConfig"]
    server.ask(server.signed("CreateTrainingJob", endless))
    sagemaker = aws.client("sagemaker")
    wait_until(
        lambda: sagemaker.describe_training_job(TrainingJobName="endless")["SecondaryStatus"] == "Training"
    )
    server.store()
    with sqlite3.connect(aws.home / "state.sqlite3", timeout=60) as database:
        database.execute(
            "UPDATE resource SET status = 'Completed', document = json_set(document, "
            "'$.TrainingJobStatus', 'Completed', '$.SecondaryStatus', 'Completed') WHERE name LIKE 'stored-%'"
        )


@contextmanager
def moto() -> Iterator[int]:
    """Moto's own server; its port."""
    port, _ = free_ports()
    command = [interpreter("embedded-aws"), "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_open(port))
        yield port
    finally:
        process.kill()
        process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    with moto() as port:
        server = Server(port, Credentials("key", "secret"))
        server.store()
        theirs = server.measure()
    with embedded_aws("--max-jobs", "1") as aws:
        pair = Credentials(aws.env["AWS_ACCESS_KEY_ID"], aws.env["AWS_SECRET_ACCESS_KEY"].strip("'"))
        server = Server(aws.port, pair)
        fill(aws, server)
        ours = server.measure()
    rows, ratios = [], []
    for operation, times in ours.items():
        ratios.append(times.per_second / theirs[operation].per_second)
        cells = [
            f"{part:.1f}"
            for one in (times, theirs[operation])
            for part in (one.per_second, *percentiles(one))
        ]
        rows.append([operation, *cells, f"{ratios[-1]:.1f}"])
    head = ["operation", "ours/s", "p50 ms", "p99 ms", "moto/s", "p50 ms", "p99 ms", "ratio"]
    show(f"SageMaker API with {STORED:,} training jobs stored, one client", head, rows)
    asked = [ratio for operation, ratio in zip(ours, ratios, strict=True) if operation in TARGETS]
    verdict(f"{', '.join(TARGETS)} at least {TARGET:.0f} times moto", min(asked) >= TARGET)


def percentiles(times: Times) -> tuple[float, float]:
    return times.milliseconds(50), times.milliseconds(99)


if __name__ == "__main__":
    main()
