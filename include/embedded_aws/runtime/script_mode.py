"""Runs a user's training script as the sagemaker-training toolkit of the framework images does.

Standard library only, Python 3.8 or later. Reads the training contract below SAGEMAKER_BASE_DIR,
finds the script named by the hyperparameter `sagemaker_program` in /opt/ml/code (or unpacks the
archive named by `sagemaker_submit_directory` there), and runs it with the other hyperparameters as
arguments and the toolkit's SM_* variables. Requirements are not installed.

Source: https://github.com/aws/sagemaker-training-toolkit, ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import collections
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
from typing import Any

BASE = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
PREFIX = "sagemaker_"
PROGRAM, SUBMIT_DIRECTORY = "sagemaker_program", "sagemaker_submit_directory"
NOT_FRAMEWORK_PARAMETERS = (
    PROGRAM,
    SUBMIT_DIRECTORY,
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_s3_output",
    "default_user_module_name",
    "_tuning_objective_metric",
)
ERROR_LINES = 40
DEFAULT_LOG_LEVEL = 20


class UserError(Exception):
    """The job's request or script is at fault."""


class ScriptFailed(Exception):
    """The user's script ended with an error."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main() -> int:
    """Run the script; its exit code, with the failure file written if it is not 0."""
    try:
        run()
    except ScriptFailed as error:
        write_failure(str(error))
        return error.exit_code
    except UserError as error:
        write_failure(str(error))
        print(error, file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """Find the script and run it."""
    parameters = {name: decoded(value) for name, value in read_config("hyperparameters").items()}
    inputs, resources = read_config("inputdataconfig"), read_config("resourceconfig")
    code = code_directory(parameters)
    program = parameters.get(PROGRAM) or os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        raise UserError(
            f"Hyperparameter {PROGRAM}: none, expected the name of a script in the submitted code."
        )
    if not os.path.isfile(os.path.join(code, program)):
        there = ", ".join(sorted(os.listdir(code))) or "nothing"
        raise UserError(f"Script {program}: not in the submitted code, which holds {there}.")
    if os.path.exists(os.path.join(code, "requirements.txt")):
        print("requirements.txt is not installed here: what it names must be in the runtime", file=sys.stderr)
    variables = training_variables(parameters, inputs, resources, code, program)
    execute(code, program, variables)


def code_directory(parameters: dict[str, Any]) -> str:
    """Where the user's code is: /opt/ml/code, filled from a local archive if one is named."""
    submitted = str(parameters.get(SUBMIT_DIRECTORY) or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or "")
    code = path("code")
    os.makedirs(code, exist_ok=True)
    if submitted and not submitted.startswith("s3://"):
        if os.path.isdir(submitted):
            return submitted
        with tarfile.open(submitted, "r:*") as archive:
            for member in archive:
                parts = member.name.split("/")
                if not (member.isreg() or member.isdir()) or ".." in parts or member.name.startswith("/"):
                    raise UserError(
                        f"Archive {submitted}, member {member.name!r}: not a plain file or directory."
                    )
                archive.extract(member, code)
    return code


def training_variables(
    parameters: dict[str, Any], inputs: dict[str, Any], resources: dict[str, Any], code: str, program: str
) -> dict[str, str]:
    """The toolkit's SM_* variables."""
    user = {name: value for name, value in parameters.items() if not is_framework(name)}
    framework = {
        name: value
        for name, value in parameters.items()
        if is_framework(name) and name not in NOT_FRAMEWORK_PARAMETERS
    }
    arguments = command_arguments(user)
    module = program.removesuffix(".py")
    groups = resources.get("instance_groups", [])
    group = resources.get("current_group_name", "homogeneousCluster")
    hosts_of = {entry["instance_group_name"]: entry["hosts"] for entry in groups}
    common: dict[str, Any] = {
        "channel_input_dirs": {name: path("input/data", name) for name in inputs},
        "current_host": resources["current_host"],
        "current_instance_group": group,
        "current_instance_group_hosts": hosts_of.get(group, resources["hosts"]),
        "current_instance_type": resources.get("current_instance_type", "local"),
        "distribution_hosts": [],
        "distribution_instance_groups": [],
        "framework_module": os.environ.get("SAGEMAKER_TRAINING_MODULE"),
        "hosts": resources["hosts"],
        "hyperparameters": user,
        "input_config_dir": path("input/config"),
        "input_data_config": inputs,
        "input_dir": path("input"),
        "instance_groups": [group["instance_group_name"] for group in groups],
        "instance_groups_dict": {group["instance_group_name"]: group for group in groups},
        "is_hetero": len(groups) > 1,
        "log_level": parameters.get("sagemaker_container_log_level", DEFAULT_LOG_LEVEL),
        "model_dir": path("model"),
        "module_dir": parameters.get(SUBMIT_DIRECTORY, code),
        "module_name": module,
        "network_interface_name": resources.get("network_interface_name", "eth0"),
        "num_cpus": cpus(),
        "num_gpus": 0,
        "output_data_dir": path("output/data"),
        "output_dir": path("output"),
        "output_intermediate_dir": path("output/intermediate"),
        "resource_config": resources,
        "user_entry_point": program,
    }
    training_environment = {
        **common,
        "additional_framework_parameters": framework,
        "is_master": resources["current_host"] == resources["hosts"][0],
        "job_name": os.environ.get("TRAINING_JOB_NAME"),
        "master_hostname": resources["hosts"][0],
    }
    exported = {
        name: value for name, value in common.items() if name not in ("channel_input_dirs", "hyperparameters")
    }
    exported.update(
        channels=sorted(inputs),
        framework_params=framework,
        hps=user,
        training_env=training_environment,
        user_args=arguments,
    )
    exported.update(
        {f"channel_{name}": directory for name, directory in common["channel_input_dirs"].items()}
    )
    exported.update({f"hp_{name}": value for name, value in user.items()})
    variables = {f"SM_{name.upper()}": as_variable(value) for name, value in exported.items()}
    variables["SAGEMAKER_JOB_NAME"] = str(parameters.get("sagemaker_job_name", ""))
    variables["SAGEMAKER_REGION"] = str(parameters.get("sagemaker_region", os.environ.get("AWS_REGION", "")))
    variables["CURRENT_HOST"] = resources["current_host"]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH", "")]))
    return variables


def execute(code: str, program: str, variables: dict[str, str]) -> None:
    """Run the script with its arguments, keeping the end of what it writes to its error stream."""
    arguments = json.loads(variables["SM_USER_ARGS"])
    interpreter = ["/bin/bash"] if program.endswith(".sh") else [sys.executable]
    command = [*interpreter, program, *arguments]
    shown = " ".join(shlex.quote(part) for part in command)
    print(f"Invoking script with the following command:\n\n{shown}\n", flush=True)
    process = subprocess.Popen(command, cwd=code, env={**os.environ, **variables}, stderr=subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: process.send_signal(received))
    tail: collections.deque[bytes] = collections.deque(maxlen=ERROR_LINES)
    reader = threading.Thread(target=copy_errors, args=(process, tail), daemon=True)
    reader.start()
    exit_code = process.wait()
    reader.join(timeout=5)
    if exit_code < 0:
        exit_code = 128 - exit_code
    if exit_code != 0:
        errors = b"".join(tail).decode("utf-8", "replace").strip()
        message = f'ExitCode {exit_code}\nErrorMessage "{last_error(errors)}"\nCommand "{shown}"'
        raise ScriptFailed(exit_code, f"ExecuteUserScriptError:\n{message}")


def copy_errors(process: subprocess.Popen[bytes], tail: collections.deque[bytes]) -> None:
    """Pass the script's error stream on, remembering its last lines."""
    assert process.stderr is not None
    for line in iter(process.stderr.readline, b""):
        tail.append(line)
        os.write(2, line)


def last_error(text: str) -> str:
    """The end of an error stream that tells most: from the last exception's first line on."""
    lines = text.splitlines()
    starts = [
        number for number, line in enumerate(lines) if line[:1].strip() and not line.startswith("Traceback")
    ]
    traceback_at = max(
        (number for number, line in enumerate(lines) if line.startswith("Traceback")), default=-1
    )
    after = [number for number in starts if number > traceback_at]
    return "\n".join(lines[after[0] :]) if traceback_at >= 0 and after else text


def command_arguments(parameters: dict[str, Any]) -> list[str]:
    """Hyperparameters as arguments: `--name value`, or `-n value` for a name of one letter."""
    arguments = []
    for name in sorted(parameters):
        value = parameters[name]
        if isinstance(value, dict):
            value = ",".join(f"{key}={inner}" for key, inner in sorted(value.items()))
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", "" if value is None else str(value)]
    return arguments


def is_framework(name: str) -> bool:
    """Whether a hyperparameter is for the platform and not for the script."""
    return name.startswith(PREFIX) or name in NOT_FRAMEWORK_PARAMETERS


def decoded(value: str) -> Any:
    """A hyperparameter's value, which the SDK encodes as JSON and others send as it is."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def as_variable(value: Any) -> str:
    """A value as the toolkit spells it in an environment variable."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def read_config(name: str) -> dict[str, Any]:
    """One of the files of /opt/ml/input/config."""
    with open(path("input/config", f"{name}.json"), encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
    return content


def write_failure(message: str) -> None:
    """Write the failure file, complete or not at all."""
    target = path("output/failure")
    if os.path.exists(target):
        return  # the script has told more than we know
    with open(f"{target}.partial", "w", encoding="utf-8") as file:
        file.write(message)
    os.replace(f"{target}.partial", target)


def cpus() -> int:
    """The cores this job may use: its share, as told in OMP_NUM_THREADS."""
    share: str | None = os.environ.get("OMP_NUM_THREADS")
    return int(share) if share and share.isdigit() else len(os.sched_getaffinity(0))


def path(*parts: str) -> str:
    """A path below /opt/ml."""
    return os.path.join(BASE, *parts)


if __name__ == "__main__":
    sys.exit(main())
