"""What travels into a processing container is understood by the Python 3.8 of Amazon's image."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from idc.jobs import source

CONVERTER = Path(__file__).resolve().parents[4] / "include" / "idc" / "converter"
TRAVELLING = sorted(CONVERTER.rglob("*.py"))
# What the MXNet image has, beside the standard library. Without crc32c NumPy takes its place.
INSTALLED = {"boto3", "botocore", "numpy", "PIL", "crc32c"}
# What Python 3.9 and later added and this code could be tempted to use.
LATER = {
    "removeprefix",
    "removesuffix",
    "pairwise",
    "batched",
    "cache",
    "randbytes",
    "is_relative_to",
    "bit_count",
}
LATER_ARGUMENTS = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}, "sha256": {"usedforsecurity"}}


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@pytest.mark.parametrize("path", TRAVELLING, ids=lambda path: path.relative_to(CONVERTER).as_posix())
def test_the_syntax_and_calls_are_those_of_python_3_8(path: Path) -> None:
    tree = ast.parse(path.read_text(), str(path), feature_version=(3, 8))
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body) or (
        path.name == "__init__.py"
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in LATER, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Call):
            used = {keyword.arg for keyword in node.keywords}
            assert not used & LATER_ARGUMENTS.get(name_of(node), set()), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.With):
            assert node.items, path.name


@pytest.mark.parametrize("path", TRAVELLING, ids=lambda path: path.relative_to(CONVERTER).as_posix())
def test_it_imports_itself_and_what_the_image_has(path: Path) -> None:
    typing_only = {"mypy_boto3_s3"}
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            root = name.split(".")[0]
            is_own = name.startswith("idc.converter.")
            assert is_own or root in sys.stdlib_module_names | INSTALLED | typing_only, f"{path.name}: {name}"


def test_it_starts_from_what_travels_alone_and_every_module_of_it_is_used(tmp_path: Path) -> None:
    for name, content in source.converter_source().files.items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    script = "import json, sys; import idc.converter.convert; print(json.dumps(sorted(sys.modules)))"
    environment = {"PYTHONPATH": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-m", "idc.converter.convert", "--help"],
        env=environment, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    loaded = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert "--dataset-digest" in done.stdout
    modules = {".".join(Path(name).with_suffix("").parts) for name in source.converter_source().files}
    ours = {name for name in json.loads(loaded.stdout) if name.startswith("idc.")}
    assert ours == {name.removesuffix(".__init__") for name in modules}


def test_python_3_8_itself_reads_it(tmp_path: Path) -> None:
    interpreter = shutil.which("python3.8")
    version = interpreter and subprocess.run([interpreter, "-V"], capture_output=True, text=True).stdout
    if not interpreter or "3.8" not in version:
        pytest.skip("no Python 3.8 on this machine")
    script = (
        "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    )
    subprocess.run([interpreter, "-c", script, *map(str, TRAVELLING)], check=True, cwd=tmp_path)
