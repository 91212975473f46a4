"""What travels into a container stands alone and runs on the container's Python and framework."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS, LIBRARY = ROOT / "training_scripts", ROOT / "include" / "idc"
PYTHON = {"common": (3, 8), "mxnet": (3, 8), "tensorflow": (3, 12)}
FILES = sorted(SCRIPTS.rglob("*.py"))
# What travels into the MXNet container: its scripts, and the converter's part of the library.
OLDEST = [SCRIPTS / "common", SCRIPTS / "mxnet", LIBRARY / "converter"]
# The names of MXNet's API that the scripts use, each tried with MXNet 1.9.0 on Python 3.8.
MXNET_190 = {
    "mx.MXNetError",
    "mx.context.num_gpus",
    "mx.cpu",
    "mx.gpu",
    "mx.init.MSRAPrelu",
    "mx.nd.array",
    "mx.nd.multi_sgd_update",
    "mx.nd.nag_mom_update",
    "mx.nd.softmax",
    "mx.nd.waitall",
    "mx.nd.zeros",
    "mx.random.seed",
    "mx.recordio.MXRecordIO",
    "mx.recordio.unpack",
    "autograd.record",
    "gluon.loss.SoftmaxCrossEntropyLoss",
    "nn.Activation",
    "nn.BatchNorm",
    "nn.Conv2D",
    "nn.Dense",
    "nn.Dropout",
    "nn.HybridSequential",
    "nn.MaxPool2D",
    "F.cast",
    "F.mean",
    "F.transpose",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_has_the_syntax_of_the_containers_python(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=PYTHON[path.parent.name])


def _vermin(*paths: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        Path(sys.executable).with_name("vermin"),
        "--target=3.8",
        "--violations",
        "--no-parse-comments",
    ]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)


def test_uses_nothing_of_python_after_3_8() -> None:
    done = _vermin(*OLDEST)
    assert done.returncode == 0, done.stdout


def test_what_is_newer_than_python_3_8_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "newer.py").write_text('print("model.json".removesuffix(".json"))\n')
    done = _vermin(tmp_path)
    assert done.returncode == 1
    assert "removesuffix" in done.stdout


def _chain(node: ast.expr) -> str:
    """Return `mx.nd.array` for that expression, nothing for another kind."""
    if isinstance(node, ast.Attribute) and (before := _chain(node.value)):
        return f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_uses_nothing_of_mxnet_but_what_was_tried_with_1_9_0() -> None:
    chains = {
        _chain(node)
        for folder in ("common", "mxnet")
        for path in (SCRIPTS / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    used = {chain for chain in chains if chain.split(".")[0] in ("mx", "nn", "gluon", "autograd", "F")}
    inner = {chain for chain in used for other in used if other.startswith(f"{chain}.")}
    assert used - inner == MXNET_190


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_imports_nothing_of_the_pipeline(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not {name.split(".")[0] for name in imported} & {
        "idc",
        "airflow",
        "histoflow",
        "embedded_aws",
        "stack",
    }
