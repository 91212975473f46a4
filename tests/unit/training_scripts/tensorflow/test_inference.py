"""inference.py behind the stand-in of Amazon's container: the same answers as every variant's, over HTTP."""

import base64
import contextlib
import io
import json
import os
import shutil
import struct
import subprocess
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import local_aws
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.timeout(300)  # an import of TensorFlow takes up to half a minute on a busy machine

Drive = Callable[..., Any]
Ask = Callable[..., tuple[int, Any]]
IMAGE, JSON, NPY, JSON_LINES = (
    "application/x-image",
    "application/json",
    "application/x-npy",
    "application/jsonlines",
)


@contextlib.contextmanager
def _serving(python: Path, opt_ml: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Start the server on the model below a folder that stands for /opt/ml."""
    port, _ = local_aws.free_ports()
    variables = {"SAGEMAKER_BASE_DIR": str(opt_ml), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with (opt_ml / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), str(local_aws.TENSORFLOW_SERVER)],
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _ask(url: str, data: bytes, content_type: str, accept: str | None = None) -> tuple[int, Any]:
    headers = {"Content-Type": content_type, **({"Accept": accept} if accept else {})}
    request = urllib.request.Request(f"{url}/invocations", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
            is_lines = answer.headers["Content-Type"] == JSON_LINES
            return answer.status, [
                json.loads(line) for line in text.splitlines()
            ] if is_lines else json.loads(text)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]


@pytest.fixture(scope="module")
def ask(tensorflow_python: Path, trained: Path) -> Iterator[Ask]:
    """Ask the trained model's server."""
    with _serving(tensorflow_python, trained) as (process, url):
        local_aws.wait_until(lambda: _is_healthy(url) or process.poll() is not None, 120)
        assert process.poll() is None, (trained / "server.log").read_text()
        yield lambda *arguments: _ask(url, *arguments)


def _patch(height: int = 50, width: int = 50) -> np.ndarray:
    """Return a patch that differs with its size, as likely of one class as of the other."""
    rng = np.random.default_rng(height * 100 + width)
    return rng.normal((185, 130, 183), 30, (height, width, 3)).clip(0, 255).astype(np.uint8)


def _encoded(pixels: np.ndarray, kind: str = "PNG", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _claiming(side: int, bits: int = 8) -> bytes:
    """Return a PNG whose header claims side² RGB pixels of so many bits a colour, and 50² of them."""
    header = b"IHDR" + struct.pack(">2I5B", side, side, bits, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(50 * (1 + 150 * bits // 8))), b"IEND"]
    framed = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def test_one_patch_has_one_answer_in_every_form(ask: Ask) -> None:
    patch = _patch()
    status, image = ask(_encoded(patch), IMAGE)
    assert status == 200
    assert len(image) == 2
    assert sum(image) == pytest.approx(1, abs=1e-5)
    batches = [
        (json.dumps([patch.tolist()]).encode(), f"{JSON}; charset=utf-8", "*/*"),
        (_npy(patch[None]), NPY, JSON),
        (_npy(np.asfortranarray(patch[None])), NPY, JSON),
    ]
    for batch in batches:
        assert ask(*batch) == (200, [pytest.approx(image, abs=2e-6)])
    assert ask(_encoded(_patch(49)), IMAGE)[1] != image


def test_json_lines_are_the_built_in_algorithms(ask: Ask) -> None:
    image, jpeg = _encoded(_patch()), _encoded(_patch(), "JPEG")
    _, probabilities = ask(image, "image/png")
    assert ask(image, IMAGE, JSON_LINES) == (200, [{"prediction": probabilities}])
    _, lines = ask(_npy(np.stack([_patch(), _patch()])), NPY, JSON_LINES)
    assert lines == [{"prediction": pytest.approx(probabilities, abs=2e-6)}] * 2
    assert ask(jpeg, "image/jpeg") == ask(jpeg, IMAGE)


def test_a_small_patch_is_padded_with_white(ask: Ask) -> None:
    small, padded = _patch(42, 13), np.full((50, 50, 3), 255, dtype=np.uint8)
    padded[:42, :13] = small
    answers = [
        ask(_encoded(small), IMAGE)[1],
        ask(_encoded(padded), IMAGE)[1],
        ask(_npy(small[None]), NPY)[1][0],
    ]
    assert answers[0] == answers[1] == answers[2]


def test_answers_as_the_model_did_in_training(ask: Ask, trained: Path, shards: Path, drive: Drive) -> None:
    """The endpoint, given encoded patches, reproduces what train.py measured from its arrays."""
    split = drive("read", folder=shards / "validation")
    scores = np.array([ask(base64.b64decode(image), IMAGE)[1][1] for image in split["images"]])
    measured = json.loads((trained / "model" / "model.json").read_text())["training"]["validation"]
    assert roc_auc_score(split["labels"], scores) == pytest.approx(measured["roc_auc"], abs=1e-3)
    assert np.mean((scores > 0.5) == split["labels"]) == pytest.approx(measured["accuracy"])
    own = drive("score", model_dir=trained / "model", folder=shards / "validation")
    assert scores == pytest.approx(own, abs=1e-5)


def test_a_batch_has_an_answer_for_each_in_order(ask: Ask) -> None:
    batch = np.stack([_patch()] * 69 + [np.zeros((50, 50, 3), dtype=np.uint8)])
    _, many = ask(_npy(batch), NPY)
    assert len(many) == 70
    assert many[0] == pytest.approx(ask(_encoded(batch[0]), IMAGE)[1], abs=2e-6)
    assert many[-1] == pytest.approx(ask(_encoded(batch[-1]), IMAGE)[1], abs=2e-6)


def test_callers_do_not_get_each_others_answers(ask: Ask) -> None:
    batches = [_npy(np.stack([_patch(50 - at % 7)] * (1 + at % 3))) for at in range(40)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda batch: ask(batch, NPY)[1], batches))
    for found, batch in zip(together, batches, strict=True):
        np.testing.assert_allclose(found, ask(batch, NPY)[1], atol=2e-6)


NOT_PATCHES = {
    "text": (b"<svg/>", IMAGE, "cannot be read"),
    "nothing": (b"", IMAGE, "cannot be read"),
    "cut short": (_encoded(_patch())[:2000], IMAGE, "cannot be read"),
    "a GIF": (_encoded(_patch(), "GIF"), IMAGE, "cannot be read"),
    "a large image": (_encoded(_patch(51)), IMAGE, "50×51 pixels, expected at most 50×50"),
    "a bomb": (_claiming(60_000), IMAGE, "60000×60000 pixels, expected at most 50×50"),
    "16 bits a colour": (_claiming(50, bits=16), IMAGE, "16 bits, expected RGB of 8"),
    "a grey image": (_encoded(_patch(), mode="L"), IMAGE, "colour type 0 and 8 bits, expected RGB"),
    "a CMYK image": (_encoded(_patch(), "JPEG", "CMYK"), IMAGE, "CMYK of 8 bits, expected RGB"),
    "no JSON": (b"[[", JSON, "expected a JSON list"),
    "deep JSON": (b"[" * 100_000, JSON, "expected a JSON list"),
    "one image": (json.dumps(_patch().tolist()).encode(), JSON, "shape (50, 50, 3), expected (patches"),
    "uneven images": (json.dumps([_patch().tolist(), [1]]).encode(), JSON, "expected"),
    "shares": (json.dumps((_patch()[None] / 255).tolist()).encode(), JSON, "expected whole numbers"),
    "too bright": (json.dumps([[[[256, 0, 0]]]]).encode(), JSON, "values from 0 to 256, expected 0 to 255"),
    "too big a number": (json.dumps([[[[2**70, 0, 0]]]]).encode(), JSON, "expected whole numbers"),
    "no patches": (b"[]", JSON, "expected"),
    "large patches": (_npy(_patch(50, 51)[None]), NPY, "51×50 pixels, expected at most 50×50"),
    "floats": (_npy(_patch()[None] / 255), NPY, "values of type float64, expected uint8"),
    "objects": (_npy(np.array([{}], dtype=object)), NPY, "values of type object, expected uint8"),
    "no array": (b"nonsense", NPY, "expected an array in NumPy's format 1.0"),
    "a lying header": (_npy(_patch()[None]).replace(b"(1, 50, ", b"(9999, 50, ", 1), NPY, "bytes of pixels"),
    "another type": (b"1,2", "text/csv", "content type: text/csv, expected application/x-image"),
}


@pytest.mark.parametrize(("data", "content_type", "reason"), NOT_PATCHES.values(), ids=NOT_PATCHES)
def test_what_is_no_patch_is_refused_with_a_reason(
    ask: Ask, data: bytes, content_type: str, reason: str
) -> None:
    """With 500: Amazon's container has no other status for what a handler raises."""
    status, message = ask(data, content_type)
    assert status == 500
    assert reason in message


def test_an_answer_in_another_form_is_refused(ask: Ask) -> None:
    message = "accept: text/csv, expected application/json or application/jsonlines"
    assert ask(_encoded(_patch()), IMAGE, "text/csv") == (500, message)


def test_what_goes_into_the_graph_is_what_training_read(
    ask: Ask, tensorflow_python: Path, trained: Path, shards: Path, drive: Drive, tmp_path: Path
) -> None:
    """Byte for byte: the bytes that inference.py sends to TensorFlow Serving are the pixels of records.py."""
    split = drive("read", folder=shards / "train")
    code = (
        "import base64, io, json, sys\n"
        "from types import SimpleNamespace\n"
        "import inference\n"
        "sent = []\n"
        "def predict(uri, request):\n"
        "    sent.extend(base64.b64decode(row['b64']) for row in request['instances'])\n"
        "    return {'predictions': [[0.5, 0.5]] * len(request['instances'])}\n"
        "inference.predict = predict\n"
        "kinds = {'accept_header': 'application/json', 'request_content_type': 'application/x-image'}\n"
        "context = SimpleNamespace(**kinds, rest_uri='')\n"
        "for image in json.load(sys.stdin):\n"
        "    inference.handler(io.BytesIO(base64.b64decode(image)), context)\n"
        "print(base64.b64encode(b''.join(sent)).decode())\n"
    )
    done = subprocess.run(
        [str(tensorflow_python), "-c", code],
        input=json.dumps(split["images"]),
        env={"PYTHONPATH": str(trained / "model" / "code"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == split["pixels"]


def _copied(trained: Path, opt_ml: Path) -> Path:
    shutil.copytree(trained / "model", opt_ml / "model")
    return opt_ml


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["graph", "description", "another graph", "script"])
def test_a_broken_model_never_answers_ping(
    tensorflow_python: Path, trained: Path, tmp_path: Path, broken: str
) -> None:
    model = _copied(trained, tmp_path) / "model"
    said = {
        "graph": "saved_model.pb",
        "description": "expected model.json and the graph it names",
        "another graph": "is not the one model.json names",
        "script": "out of luck",
    }[broken]
    if broken == "graph":
        (model / "1" / "saved_model.pb").write_bytes(b"torn")
    elif broken == "description":
        (model / "model.json").unlink()
    elif broken == "another graph":
        with (model / "1" / "saved_model.pb").open("ab") as file:
            file.write(b"\x1a\x00")  # another empty field: TensorFlow reads it all the same
    else:
        (model / "code" / "inference.py").write_text("raise RuntimeError('out of luck')\n")
    with _serving(tensorflow_python, tmp_path) as (process, url):
        seen = []
        local_aws.wait_until(lambda: seen.append(_is_healthy(url)) or process.poll() is not None, 120)
        assert process.returncode == 1
        assert not any(seen)
    assert said in (tmp_path / "server.log").read_text()


@pytest.mark.slow
def test_weights_that_are_no_numbers_are_an_error_and_no_answer(
    tensorflow_python: Path, trained: Path, tmp_path: Path, drive: Drive
) -> None:
    drive("spoil", model_dir=trained / "model", target=tmp_path / "model")
    with _serving(tensorflow_python, tmp_path) as (_, url):
        local_aws.wait_until(lambda: _is_healthy(url), 120)
        status, message = _ask(url, _encoded(_patch()), IMAGE)
    assert status == 500
    assert "answers NaN" in message
