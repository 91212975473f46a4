"""serve.py: one answer for a patch whatever form it comes in, and a reason for what is no patch."""

import base64
import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

Drive = Callable[..., Any]
IMAGE, JSON, NPY = "application/x-image", "application/json", "application/x-npy"
JSON_LINES = "application/jsonlines"


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


def _request(data: bytes, content_type: str, accept: str | None = None) -> dict[str, Any]:
    return {"data": base64.b64encode(data).decode(), "content_type": content_type, "accept": accept}


def _claiming(side: int, bits: int = 8) -> bytes:
    """Return a PNG whose header claims side² RGB pixels of so many bits a colour, and 50² of them."""
    header = b"IHDR" + struct.pack(">2I5B", side, side, bits, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(bytes(50 * (1 + 150 * bits // 8))), b"IEND"]
    framed = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def test_one_patch_has_one_answer_in_every_form(trained: Path, drive: Drive) -> None:
    patch, other = _patch(), _patch(49)
    forms = [
        _request(_encoded(patch), IMAGE),
        _request(json.dumps([patch.tolist()]).encode(), f"{JSON}; charset=utf-8", "*/*"),
        _request(_npy(patch[None]), NPY, JSON),
        _request(_npy(np.asfortranarray(patch[None])), NPY, JSON),
    ]
    image, *batches = drive(
        "ask", model_dir=trained / "model", requests=[*forms, _request(_encoded(other), IMAGE)]
    )
    assert image["content_type"] == JSON
    assert sum(image["answer"]) == pytest.approx(1, abs=1e-5)
    for batch in batches[:3]:
        assert batch["answer"] == [pytest.approx(image["answer"], abs=2e-6)]
    assert batches[3]["answer"] != image["answer"]


def test_a_small_patch_is_padded_with_white(trained: Path, drive: Drive) -> None:
    small, padded = _patch(42, 13), np.full((50, 50, 3), 255, dtype=np.uint8)
    padded[:42, :13] = small
    requests = [
        _request(_encoded(small), IMAGE),
        _request(_encoded(padded), IMAGE),
        _request(_npy(small[None]), NPY),
    ]
    first, second, third = drive("ask", model_dir=trained / "model", requests=requests)
    assert first["answer"] == second["answer"] == third["answer"][0]


def test_answers_as_the_model_did_in_training(trained: Path, shards: Path, drive: Drive) -> None:
    """The endpoint, given encoded patches, reproduces what train.py measured from its arrays."""
    split = drive("read", folder=shards / "validation")
    requests = [{"data": image, "content_type": IMAGE} for image in split["images"]]
    replies = drive("ask", model_dir=trained / "model", requests=requests)
    scores = np.array([reply["answer"][1] for reply in replies])
    measured = json.loads((trained / "model" / "model.json").read_text())["training"]["validation"]
    assert roc_auc_score(split["labels"], scores) == pytest.approx(measured["roc_auc"], abs=1e-3)
    assert np.mean((scores > 0.5) == split["labels"]) == pytest.approx(measured["accuracy"])
    assert scores == pytest.approx(
        drive("score", model_dir=trained / "model", folder=shards / "validation"), abs=1e-5
    )


def test_a_batch_has_an_answer_for_each_in_order(trained: Path, drive: Drive) -> None:
    batch = np.stack([_patch()] * 69 + [np.zeros((50, 50, 3), dtype=np.uint8)])
    requests = [
        _request(_npy(batch), NPY),
        _request(_encoded(batch[0]), IMAGE),
        _request(_encoded(batch[-1]), IMAGE),
    ]
    many, first, last = drive("ask", model_dir=trained / "model", requests=requests)
    assert len(many["answer"]) == 70
    assert many["answer"][0] == pytest.approx(first["answer"], abs=2e-6)
    assert many["answer"][-1] == pytest.approx(last["answer"], abs=2e-6)


def test_callers_do_not_get_each_others_answers(trained: Path, drive: Drive) -> None:
    requests = [_request(_npy(np.stack([_patch(50 - at % 7)] * (1 + at % 3))), NPY) for at in range(40)]
    together = drive("ask", model_dir=trained / "model", requests=requests, threads=8)
    alone = drive("ask", model_dir=trained / "model", requests=requests, threads=1)
    assert together == alone


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


def test_what_is_no_patch_is_refused_with_a_reason(trained: Path, drive: Drive) -> None:
    requests = [_request(data, content_type) for data, content_type, _ in NOT_PATCHES.values()]
    replies = drive("ask", model_dir=trained / "model", requests=requests)
    for (name, (_, _, reason)), reply in zip(NOT_PATCHES.items(), replies, strict=True):
        assert reply.get("error") == "ValueError", name
        assert reason in reply["message"], name


def test_json_lines_are_the_built_in_algorithms(trained: Path, drive: Drive) -> None:
    """Batch transform asks every variant so: one JSON object a patch."""
    png, jpeg = _encoded(_patch()), _encoded(_patch(), "JPEG")
    requests = [
        _request(png, IMAGE, JSON_LINES),
        _request(_npy(np.stack([_patch(), _patch()])), NPY, JSON_LINES),
        _request(png, "image/png"),
        _request(jpeg, "image/jpeg"),
        _request(jpeg, IMAGE),
    ]
    line, lines, as_png, as_jpeg, as_image = drive("ask", model_dir=trained / "model", requests=requests)
    assert line == {"answer": [{"prediction": as_png["answer"]}], "content_type": JSON_LINES}
    assert lines["answer"] == [{"prediction": pytest.approx(as_png["answer"], abs=2e-6)}] * 2
    assert as_jpeg["answer"] == as_image["answer"]


def test_an_answer_in_another_form_is_refused(trained: Path, drive: Drive) -> None:
    request = _request(_encoded(_patch()), IMAGE, "text/csv")
    (reply,) = drive("ask", model_dir=trained / "model", requests=[request])
    message = "accept: text/csv, expected application/json or application/jsonlines"
    assert reply == {"error": "ValueError", "message": message}


def test_weights_that_are_no_numbers_are_an_error_and_no_answer(
    trained: Path, tmp_path: Path, drive: Drive
) -> None:
    drive("spoil", model_dir=trained / "model", target=tmp_path / "model")
    (reply,) = drive("ask", model_dir=tmp_path / "model", requests=[_request(_encoded(_patch()), IMAGE)])
    assert reply["error"] == "ArithmeticError"
    assert "answers NaN" in reply["message"]


CHANGES = [
    ({"parameters": {"sha256": "0" * 64}}, "is not the one model.json names"),
    ({"architecture": {"widths": [16, 32, 64, 96], "dropout": 0.3}}, "expected the weights of"),
    ({"architecture": {"widths": [16, 32, 64], "dropout": 0.3}}, "expected the weights of"),
    ({"architecture": {"widths": [10**9], "dropout": 0.3}}, "expected 1 to 5 widths to 1024"),
    ({"architecture": {"layers": 3}}, "expected widths and dropout"),
    ({"inference": {"views": 10**6}}, "expected 1, 4 or 8"),
    ({"inference": 1}, "expected model.json and model-0000.params"),
]


def test_weights_load_into_their_own_architecture_only(trained: Path, tmp_path: Path, drive: Drive) -> None:
    folders = []
    for number, (change, _) in enumerate(CHANGES):
        folders.append(tmp_path / str(number))
        shutil.copytree(trained / "model", folders[-1])
        description = json.loads((folders[-1] / "model.json").read_text())
        (folders[-1] / "model.json").write_text(json.dumps({**description, **change}))
    reasons = drive("refusals", of="load", arguments=folders)
    for (change, expected), reason in zip(CHANGES, reasons, strict=True):
        assert expected in reason, change
