"""The stand-in of the TensorFlow Serving containers, with a model that doubles and scripts of each kind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import local_aws
import pytest

pytestmark = pytest.mark.timeout(300)  # an import of TensorFlow takes up to half a minute on a busy machine

PYTHON = local_aws.ENVIRONMENTS / "tensorflow" / "bin" / "python"
DOUBLER = """
import sys
import tensorflow as tf

class Doubler(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32, name="x")])
    def double(self, x):
        return {"y": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
    def measure(self, text):
        return {"length": tf.strings.length(text), "first": tf.strings.substr(text, 0, 1)}

model = Doubler()
signatures = {"serving_default": model.double, "measure": model.measure}
tf.saved_model.save(model, sys.argv[1] + "/1", signatures=signatures)
tf.saved_model.save(model, sys.argv[1] + "/2", signatures=signatures)
"""
HALVES = """
import json

def input_handler(data, context):
    return json.dumps({"instances": [[float(number) for number in data.read().split(b",")]]})

def output_handler(response, context):
    if response.status_code != 200:
        raise ValueError(response.json()["error"])
    row = response.json()["predictions"][0]
    return f"{row} {context.request_content_type} {context.custom_attributes}", context.accept_header
"""
WHOLE = """
import os

def handler(data, context):
    body = data.read()
    if body == b"fail":
        raise ValueError("not this one")
    return f"{context.rest_uri.rpartition('/')[2]} {len(body)} {context.content_length}", "text/plain"
"""


@pytest.fixture(scope="module")
def doubler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two versions of a model."""
    if not PYTHON.exists():
        pytest.skip(f"the tensorflow environment is not built: {PYTHON}")
    folder = tmp_path_factory.mktemp("doubler")
    subprocess.run([str(PYTHON), "-c", DOUBLER, str(folder)], check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def serving(base: Path, doubler: Path, script: str = "") -> Iterator[str]:
    """Serve the model with a script; the server's address."""
    shutil.copytree(doubler, base / "model" / "double")
    if script:
        (base / "model" / "code").mkdir()
        (base / "model" / "code" / "inference.py").write_text(script)
    port, _ = local_aws.free_ports()
    environment = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with (base / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PYTHON), str(local_aws.TENSORFLOW_SERVER)],
            env={"PATH": os.environ["PATH"], **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        local_aws.wait_until(lambda: ask(url, "/ping")[0] == 200 or process.poll() is not None, 120)
        assert process.poll() is None, (base / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(30)


def ask(url: str, path: str, data: Any = None, **headers: str) -> tuple[int, Any]:
    """The status and the body of an answer, parsed where it is JSON; 0 where nobody answers."""
    body = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, body, named), timeout=30) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, content = error.code, error.read()
    except OSError:
        return 0, None
    with contextlib.suppress(ValueError):
        return status, json.loads(content)
    return status, content.decode()


@pytest.fixture(scope="module")
def plain(doubler: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the model without a script."""
    with serving(tmp_path_factory.mktemp("plain"), doubler) as url:
        yield url


def test_without_a_script_the_body_goes_to_the_model(plain: str) -> None:
    assert ask(plain, "/invocations", {"instances": [[1, 2]]}) == (200, {"predictions": [[2.0, 4.0]]})
    assert ask(plain, "/nothing") == (404, "not found")


ASKED = {
    "rows": ({"instances": [[1, 2], [3, 4]]}, {"predictions": [[2.0, 4.0], [6.0, 8.0]]}),
    "named rows": ({"instances": [{"x": [1, 2]}]}, {"predictions": [[2.0, 4.0]]}),
    "columns": ({"inputs": [[1, 2]]}, {"outputs": [[2.0, 4.0]]}),
    "named columns": ({"inputs": {"x": [[1, 2]]}}, {"outputs": [[2.0, 4.0]]}),
}


@pytest.mark.parametrize(("request_body", "answer"), ASKED.values(), ids=ASKED)
def test_row_and_column_format(plain: str, request_body: Any, answer: Any) -> None:
    assert ask(plain, "/v1/models/double:predict", request_body) == (200, answer)
    assert ask(plain, "/v1/models/double/versions/1:predict", request_body) == (200, answer)


def test_bytes_come_in_base64_and_outputs_by_name(plain: str) -> None:
    request = {"signature_name": "measure", "instances": [{"b64": "YWJj"}, {"b64": "eno="}]}
    rows = [{"length": 3, "first": "a"}, {"length": 2, "first": "z"}]
    assert ask(plain, "/v1/models/double:predict", request) == (200, {"predictions": rows})


def test_versions_are_listed(plain: str) -> None:
    states = [{"version": version, "state": "AVAILABLE"} for version in ("1", "2")]
    assert ask(plain, "/v1/models/double") == (200, {"model_version_status": states})


REFUSED = {
    "no JSON": ("double:predict", b"{", 400, "JSON Parse error"),
    "no object": ("double:predict", [1], 400, "expected a JSON object"),
    "neither format": ("double:predict", {"rows": []}, 400, "expected either 'instances' or 'inputs'"),
    "no rows": ("double:predict", {"instances": []}, 400, "expected 'instances' to be a list of rows"),
    "rows of two widths": ("double:predict", {"instances": [[1, 2], [3]]}, 400, ""),
    "another input": ("double:predict", {"instances": [{"z": 1}]}, 400, "inputs ['z'], expected ['x']"),
    "uneven rows": ("double:predict", {"instances": [{"x": 1}, {"z": 1}]}, 400, "the same inputs"),
    "text": ("double:predict", {"instances": [["a", "b"]]}, 400, ""),
    "a signature": ("double:predict", {"signature_name": "z", "instances": [1]}, 400, '"z" not found'),
    "a version": ("double/versions/9:predict", {"instances": [[1, 2]]}, 404, "Servable not found"),
    "a model": ("triple:predict", {"instances": [[1, 2]]}, 404, "Servable not found"),
    "a verb": ("double:classify", {"examples": []}, 400, "expected POST :predict"),
}


@pytest.mark.parametrize(("path", "body", "status", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_the_model_cannot_answer(plain: str, path: str, body: Any, status: int, reason: str) -> None:
    found, answer = ask(plain, f"/v1/models/{path}", body)
    assert found == status
    assert reason in answer["error"]


def test_a_script_of_two_halves(doubler: Path, tmp_path: Path) -> None:
    with serving(tmp_path, doubler, HALVES) as url:
        named = {"Content_Type": "text/csv", "Accept": "text/plain"}
        chosen = {"X_Amzn_SageMaker_Custom_Attributes": "tfs-model-version=1"}
        told = "[2.0, 4.0] text/csv tfs-model-version=1"
        assert ask(url, "/invocations", b"1,2", **named, **chosen) == (200, told)
        status, answer = ask(url, "/invocations", b"1,x", **named)
        assert (status, list(answer)) == (500, ["error"])


def test_a_script_that_does_all(doubler: Path, tmp_path: Path) -> None:
    with serving(tmp_path, doubler, WHOLE) as url:
        assert ask(url, "/invocations", b"abc") == (200, "double:predict 3 3")
        assert ask(url, "/invocations", b"fail") == (500, {"error": "not this one"})


def test_a_script_without_a_handler_serves_nothing(doubler: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no handler"), serving(tmp_path, doubler, "VALUE = 1\n"):
        raise AssertionError("it serves")
