from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from embedded_aws.runtime.inference_server import (
    JSON,
    NPY,
    Model,
    UnsupportedFormat,
    decode,
    encode,
    load_script,
)


def script(**functions: Any) -> ModuleType:
    return cast(ModuleType, SimpleNamespace(__file__="inference.py", **functions))


def test_transform_fn_does_all() -> None:
    model = Model(
        script(model_fn=lambda directory: directory, transform_fn=lambda m, d, c, a: (f"{m} {d!r} {c}", a)),
        "/m",
    )
    assert model.answer(b"x", "image/png", "text/plain") == (b"/m b'x' image/png", "text/plain")


def test_steps_and_their_defaults() -> None:
    model = Model(script(model_fn=lambda _: None, predict_fn=lambda data, _: data * 2), "/m")
    assert model.answer(b"[1, 2]", JSON, JSON) == (b"[2, 4]", JSON)
    called = Model(script(model_fn=lambda _: lambda data: data.sum()), "/m")
    assert called.answer(b"1,2\n3,4\n", "text/csv", JSON) == (b"10.0", JSON)


def test_scripts_that_cannot_serve() -> None:
    with pytest.raises(ValueError, match="no model_fn"):
        Model(script(), "/m")
    with pytest.raises(ValueError, match="transform_fn beside predict_fn"):
        Model(script(model_fn=str, transform_fn=str, predict_fn=str), "/m")
    with pytest.raises(TypeError, match="cannot be called"):
        Model(script(model_fn=lambda _: None), "/m").answer(b"1", JSON, JSON)


def test_arrays_there_and_back() -> None:
    body, kind = encode(np.arange(3), NPY)
    assert kind == NPY
    assert decode(body, NPY).tolist() == [0, 1, 2]
    assert encode([0.5], JSON) == (b"[0.5]", JSON)
    with pytest.raises(UnsupportedFormat):
        decode(b"", "image/png")
    with pytest.raises(UnsupportedFormat):
        encode([], "image/png")
    pickled = io.BytesIO()
    np.save(pickled, np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        decode(pickled.getvalue(), NPY)


def test_loads_a_script_with_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "neighbour_of_inference.py").write_text("VALUE = 5\n")
    (tmp_path / "serve_for_test.py").write_text("from neighbour_of_inference import VALUE\n")
    assert load_script(str(tmp_path / "serve_for_test.py")).VALUE == 5
    with pytest.raises(ValueError, match=r"absent\.py: not there"):
        load_script(str(tmp_path / "absent.py"))
