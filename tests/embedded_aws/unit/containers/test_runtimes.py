from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embedded_aws import settings
from embedded_aws.containers import runtimes
from embedded_aws.errors import SettingError, UnknownRuntime

TABLE = """
[[runtime]]
name = "mxnet"
images = ["*/mxnet-training:*", "*/mxnet-inference:*"]
python = "envs/mxnet/bin/python"

[[runtime]]
name = "builtin"
images = ["*/image-classification:1"]
python = "/usr/bin/python3"
train = ["/usr/bin/python3", "-m", "builtin"]
environment = { MODE = "x" }
"""


def load(tmp_path: Path, text: str) -> list[runtimes.Runtime]:
    (tmp_path / "runtimes.toml").write_text(text)
    return runtimes.load(settings.load(tmp_path / "home", {"runtimes": tmp_path / "runtimes.toml"}))


def test_finds_the_runtime_of_an_image(tmp_path: Path) -> None:
    known = load(tmp_path, TABLE)
    mxnet = runtimes.find(known, "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38")
    assert mxnet.python == tmp_path / "envs/mxnet/bin/python"
    assert mxnet.is_script_mode
    assert mxnet.train_command[0] == str(mxnet.python)
    assert mxnet.path.startswith(f"{tmp_path}/envs/mxnet/bin:")
    builtin = runtimes.find(known, "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1")
    assert builtin.train_command == ["/usr/bin/python3", "-m", "builtin"]
    assert not builtin.is_script_mode


def test_without_a_file_this_interpreter_stands_for_python_images(tmp_path: Path) -> None:
    (runtime,) = runtimes.load(settings.load(tmp_path))
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/python:3"
    assert runtimes.find([runtime], image).python == Path(sys.executable)
    assert runtime.is_script_mode


ALGORITHM = """
[[runtime]]
name = "image-classification"
images = ["*/image-classification:*"]
python = "/envs/mxnet/bin/python"
algorithm = "image-classification"
environment = { MODE = "x" }
"""


def test_the_twin_of_an_algorithm_has_programs_and_metrics(tmp_path: Path) -> None:
    (runtime,) = load(tmp_path, ALGORITHM)
    package = "embedded_aws.algorithms.image_classification"
    assert not runtime.is_script_mode
    assert runtime.train_command == ["/envs/mxnet/bin/python", "-m", f"{package}.train"]
    assert runtime.serve_command == ["/envs/mxnet/bin/python", "-m", f"{package}.serve"]
    assert (Path(runtime.environment["PYTHONPATH"]) / "embedded_aws/algorithms/catalog.py").exists()
    assert runtime.environment["MODE"] == "x"
    names = [definition["Name"] for definition in runtime.metric_definitions]
    assert names == ["train:accuracy", "validation:accuracy"]
    assert load(tmp_path, TABLE)[0].metric_definitions == []


def test_an_unknown_algorithm_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="algorithm xgboost, expected one of image-classification"):
        load(tmp_path, ALGORITHM.replace('algorithm = "image-classification"', 'algorithm = "xgboost"'))


def test_an_unknown_image_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownRuntime, match=r"Image other:1: .*mxnet-training.*image-classification:1"):
        runtimes.find(load(tmp_path, TABLE), "other:1")
    with pytest.raises(UnknownRuntime, match="expected one of: none"):
        runtimes.find(load(tmp_path, ""), "other:1")


@pytest.mark.parametrize("text", ["[[runtime]]\nname = 'x'\n", "nonsense", "runtime = 5"])
def test_a_bad_table_is_explained(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError, match=r"expected \[\[runtime\]\] tables"):
        load(tmp_path, text)
