"""A sample call of the REST API: a test patch in a file, and the command that sends it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from idc import layout
from idc.converter.records import recordio
from stack import prediction_api
from stack.clients import Clients
from stack.console import shown
from stack.errors import DemoFailed
from stack.settings import StackSettings

CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def write_patch(settings: StackSettings, clients: Clients, index: Mapping[str, Any]) -> Path:
    """Write a test patch to a file, of class 1 where the first test shard has one, and return its path.

    Raises:
        DemoFailed: the dataset's files are not as its index says.
    """
    key = next(shard["key"] for shard in index["shards"] if shard["split"] == "test")
    stem = layout.dataset_prefix(index["dataset_digest"]) + key.removesuffix(recordio.RECORDS)
    names = [line.split("\t") for line in _lines(clients, stem + recordio.NAMES)]
    offsets = [line.split("\t")[1] for line in _lines(clients, stem + recordio.OFFSETS)]
    number = next((int(number) for number, label, _ in names if label == "1"), 0)
    end = str(int(offsets[number + 1]) - 1) if number + 1 < len(offsets) else ""
    answer = clients.s3.get_object(
        Bucket=clients.bucket, Key=stem + recordio.RECORDS, Range=f"bytes={offsets[number]}-{end}"
    )
    image = next(recordio.read_records(answer["Body"].read(), key)).image
    path = settings.api_home / f"patch{PurePosixPath(names[number][2]).suffix}"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(image)
    return path


def command(settings: StackSettings, patch: Path) -> list[str]:
    """Return the lines of a shell command that asks the API about the patch."""
    key, image = shlex.quote(shown(prediction_api.key_file(settings))), shlex.quote(f"@{shown(patch)}")
    return [
        f'curl -H "Authorization: Bearer $(cat {key})" \\',
        f'  -H "Content-Type: {CONTENT_TYPES[patch.suffix]}" --data-binary {image} \\',
        f"  {settings.api_url}/v1/predictions",
    ]


def _lines(clients: Clients, key: str) -> list[str]:
    text = clients.read_text(key)
    if text is None:
        uri = layout.uri(clients.bucket, key)
        raise DemoFailed(
            f"result {uri}: not there, expected after the pipeline's success. See the Airflow UI."
        )
    return text.splitlines()
