from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from labelled_images import image

ASK = """
import base64, json, sys
from embedded_aws.algorithms.image_classification import serve
from embedded_aws.runtime.inference_server import UnsupportedFormat
model = serve.model_fn(sys.argv[1])
for body, kind, accept in json.loads(sys.argv[2]):
    try:
        print(json.dumps(serve.transform_fn(model, base64.b64decode(body), kind, accept)))
    except (ValueError, UnsupportedFormat) as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.fixture
def ask(run: Any) -> Any:
    def ask(model: Path, *requests: tuple[bytes, str, str]) -> list[list[str]]:
        bodies = [(base64.b64encode(body).decode(), kind, accept) for body, kind, accept in requests]
        done = run(model, "-c", ASK, str(model), json.dumps(bodies))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]

    return ask


def test_answers(trained: tuple[Path, str], ask: Any) -> None:
    model = trained[0] / "model"
    png, jpeg = image(1, 7), image(1, 7, kind="JPEG")
    plain, lines, also_plain, by_jpeg, bad, text, csv, larger = ask(
        model,
        (png, "application/x-image", "application/json"),
        (png, "image/png", "application/jsonlines"),
        (png, "application/x-image", "*/*"),
        (jpeg, "image/jpeg", "application/json"),
        (b"no image", "application/x-image", "application/json"),
        (png, "text/plain", "application/json"),
        (png, "image/png", "text/csv"),
        (image(0, size=(50, 30)), "image/png", "application/json"),
    )
    probabilities = json.loads(plain[0])
    assert plain[1] == "application/json"
    assert len(probabilities) == 2
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert lines == [json.dumps({"prediction": probabilities}) + "\n", "application/jsonlines"]
    assert also_plain == plain
    assert len(json.loads(by_jpeg[0])) == len(json.loads(larger[0])) == 2
    assert bad[0] == "ValueError"
    assert "expected a PNG or JPEG" in bad[1]
    assert text[0] == csv[0] == "UnsupportedFormat"


def refusal(run: Any, model: Path) -> str:
    done = run(
        model,
        "-c",
        "import sys; from embedded_aws.algorithms.image_classification import model; "
        "from pathlib import Path; model.load(Path(sys.argv[1]))",
        str(model),
    )
    assert done.returncode == 1
    return str(done.stderr.splitlines()[-1])


def test_only_its_own_models_are_loaded(trained: tuple[Path, str], run: Any, tmp_path: Path) -> None:
    def changed(name: str, **files: bytes | None) -> str:
        copy = tmp_path / name
        shutil.copytree(trained[0] / "model", copy)
        for file, content in files.items():
            path = copy / file.replace("__", ".").replace("_", "-")
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        return refusal(run, copy)

    assert "expected image-classification-symbol.json" in changed(
        "states", image_classification_0001__states=b"x"
    )
    assert "expected image-classification-symbol.json" in changed("missing", model_shapes__json=None)
    shapes = json.loads((trained[0] / "model/model-shapes.json").read_text())
    deeper = json.dumps([{**shapes[0], "num_layers": 32}]).encode()
    assert "is not the network" in changed("deeper", model_shapes__json=deeper)
    wild = json.dumps([{**shapes[0], "shape": [1, 3, 10**6, 12]}]).encode()
    assert "expected this algorithm's description" in changed("wild", model_shapes__json=wild)
    assert "is no JSON" in changed("text", image_classification_symbol__json=b"\\x80pickle")
    assert "cannot be read" in changed("weights", image_classification_0009__params=b"no arrays")


def test_what_validation_saw_is_what_serving_sees(trained: tuple[Path, str], run: Any, ask: Any) -> None:
    """The accuracy of the answers on the validation images is the one in the log."""
    base, log = trained
    best = float(log.split("Storing the best model with validation accuracy: ")[-1].split()[0])
    encoded = [(image(n % 2, 1000 + n), "image/png", "application/json") for n in range(16)]
    answers = [json.loads(answer[0]) for answer in ask(base / "model", *encoded)]
    right = sum((answer[1] > answer[0]) == bool(n % 2) for n, answer in enumerate(answers))
    assert right / 16 == pytest.approx(best)
