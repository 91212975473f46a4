from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.containers.runtimes import PROGRAMS
from embedded_aws.runtime import script_mode


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"batch-size": 16, "a": True}, ["-a", "True", "--batch-size", "16"]),
        ({"rate": 0.5, "name": "x y"}, ["--name", "x y", "--rate", "0.5"]),
        ({"map": {"b": 1, "a": 2}, "none": None}, ["--map", "a=2,b=1", "--none", ""]),
        ({"list": [1, 2]}, ["--list", "[1, 2]"]),
    ],
)
def test_arguments_are_those_of_the_toolkit(parameters: dict[str, Any], expected: list[str]) -> None:
    assert script_mode.command_arguments(parameters) == expected


def test_last_error_is_the_exception() -> None:
    text = 'warning\nTraceback (most recent call last):\n  File "x", line 1\n    boom\nValueError: two\nlines'
    assert script_mode.last_error(text) == "ValueError: two\nlines"
    assert script_mode.last_error("just text") == "just text"
    assert script_mode.last_error("") == ""


def run(base: Path, script: str, **parameters: str) -> subprocess.CompletedProcess[str]:
    for name in ("input/config", "input/data/train", "output", "code", "model"):
        (base / name).mkdir(parents=True, exist_ok=True)
    (base / "code/train.py").write_text(script)
    resources = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.m5.large"}
    for name, content in {
        "hyperparameters": {"sagemaker_program": '"train.py"', **parameters},
        "inputdataconfig": {"train": {"TrainingInputMode": "File"}},
        "resourceconfig": resources,
    }.items():
        (base / "input/config" / f"{name}.json").write_text(json.dumps(content))
    return subprocess.run(
        [sys.executable, str(PROGRAMS / "script_mode.py")],
        env={"SAGEMAKER_BASE_DIR": str(base), "PATH": "/usr/bin:/bin", "TRAINING_JOB_NAME": "job"},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_variables_of_the_toolkit(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "import json, os; print('env', json.dumps(dict(os.environ)))",
        epochs="3",
        name='"x"',
        sagemaker_mpi_enabled="true",
        sagemaker_job_name='"job"',
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("env "))
    env = json.loads(line.removeprefix("env "))
    assert env["SM_MODEL_DIR"] == f"{tmp_path}/model"
    assert env["SM_CHANNEL_TRAIN"] == f"{tmp_path}/input/data/train"
    assert env["SM_CHANNELS"] == '["train"]'
    assert env["SM_HPS"] == '{"epochs":3,"name":"x"}'
    assert (env["SM_HP_EPOCHS"], env["SM_HP_NAME"]) == ("3", "x")
    assert env["SM_USER_ARGS"] == '["--epochs","3","--name","x"]'
    assert (env["SM_HOSTS"], env["SM_CURRENT_HOST"]) == ('["algo-1"]', "algo-1")
    assert env["SM_OUTPUT_DATA_DIR"] == f"{tmp_path}/output/data"
    assert env["SM_NUM_GPUS"] == "0"
    assert (env["SM_MODULE_NAME"], env["SM_USER_ENTRY_POINT"]) == ("train", "train.py")
    assert env["SM_FRAMEWORK_PARAMS"] == '{"sagemaker_mpi_enabled":true}'
    training_env = json.loads(env["SM_TRAINING_ENV"])
    assert training_env["hyperparameters"] == {"epochs": 3, "name": "x"}
    assert training_env["job_name"] == "job"
    assert env["SAGEMAKER_JOB_NAME"] == "job"


def test_a_failing_script(tmp_path: Path) -> None:
    done = run(tmp_path, "raise ValueError('no good')")
    assert done.returncode == 1
    failure = (tmp_path / "output/failure").read_text()
    assert failure.startswith(
        'ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no good"\nCommand "'
    )
    assert "ValueError: no good" in done.stderr


def test_a_failure_file_of_the_script_stays(tmp_path: Path) -> None:
    script = f"import sys; open({str(tmp_path / 'output/failure')!r}, 'w').write('mine'); sys.exit(2)"
    assert run(tmp_path, script).returncode == 2
    assert (tmp_path / "output/failure").read_text() == "mine"


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "", sagemaker_program='"absent.py"')
    assert done.returncode == 1
    assert "Script absent.py: not in the submitted code, which holds train.py" in done.stderr


def test_runs_on_old_interpreters() -> None:
    """Its syntax is that of Python 3.8, as the framework images have."""
    import ast

    for name in ("script_mode.py", "inference_server.py"):
        ast.parse((PROGRAMS / name).read_text(), feature_version=(3, 8))
