from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from moto import mock_aws
from unit.stack.aws_records import BUCKET, clients

from idc.converter.records.recordio import RecordIOWriter
from stack import prediction_api, sample
from stack.clients import Clients
from stack.errors import DemoFailed
from stack.settings import StackSettings

DIGEST = "d" * 64
STEM = f"datasets/{DIGEST}/recordio/test/part-00000"
INDEX = {
    "dataset_digest": DIGEST,
    "shards": [
        {"split": "train", "key": "recordio/train/part-00000.rec"},
        {"split": "test", "key": "recordio/test/part-00000.rec"},
    ],
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        found = clients()
        found.s3.create_bucket(Bucket=BUCKET)
        yield found


def write_shard(aws: Clients, *patches: tuple[int, str, bytes]) -> None:
    shard = RecordIOWriter()
    for label, name, image in patches:
        shard.append(label, name, image)
    for suffix, content in shard.files().items():
        aws.s3.put_object(Bucket=BUCKET, Key=STEM + suffix, Body=bytes(content))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_patch_is_one_of_class_1_wherever_it_stands(
    settings: StackSettings, aws: Clients, place: int
) -> None:
    patches = [(int(at == place), f"9_idx5_x{at}_y1_class.png", b"image %d" % at * at) for at in range(3)]
    write_shard(aws, *patches)

    path = sample.write_patch(settings, aws, INDEX)

    assert path == settings.api_home / "patch.png"
    assert path.read_bytes() == b"image %d" % place * place
    assert stat.S_IMODE(settings.api_home.stat().st_mode) == 0o700


def test_without_class_1_it_is_the_first(settings: StackSettings, aws: Clients) -> None:
    write_shard(aws, (0, "9_a.jpg", b"first"), (0, "9_b.jpg", b"second"))

    path = sample.write_patch(settings, aws, INDEX)

    assert (path.name, path.read_bytes()) == ("patch.jpg", b"first")


def test_a_missing_list_is_named(settings: StackSettings, aws: Clients) -> None:
    with pytest.raises(DemoFailed, match=f"result s3://{BUCKET}/{STEM}.lst: not there"):
        sample.write_patch(settings, aws, INDEX)


def test_the_command_works_as_printed(settings: StackSettings, tmp_path: Path) -> None:
    received: list[tuple[str, str | None, str | None, bytes]] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b'{"ready": false, "detail": "no model is registered"}', 503)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Authorization"], self.headers["Content-Type"], body))
            self._answer(b"{}", 200)

        def _answer(self, body: bytes, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    mine = settings.model_copy(update={"home": tmp_path / "it's my home"})
    mine.api_home.mkdir(parents=True)
    prediction_api.key_file(mine).write_text("secret\n")
    patch = mine.api_home / "patch.png"
    patch.write_bytes(b"pixels")
    with HTTPServer(("127.0.0.1", mine.api_port), Recorder) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        ready, command = prediction_api.readiness(mine), sample.command(mine, patch)
        subprocess.run(
            ["bash", "-c", "\n".join(command)], check=True, capture_output=True, env=dict(os.environ)
        )
        server.shutdown()
        thread.join()

    assert ready == "not ready: no model is registered"
    assert "secret" not in "".join(command)
    assert received == [("/v1/predictions", "Bearer secret", "image/png", b"pixels")]
