"""A real client of an embedded AWS: programs and scripts of an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws import ENVIRONMENTS, LocalAws

SCRIPTS = Path(__file__).resolve().parent / "clients" / "scripts"
SDK_CONFIGURATION = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


class Client:
    """Programs of one environment, with the variables of an embedded AWS and nothing else of this process."""

    def __init__(self, aws: LocalAws, environment: str, home: Path) -> None:
        self._aws = aws
        self._home = home
        self.programs = ENVIRONMENTS / environment / "bin"
        configuration = home / "sagemaker.json"
        configuration.write_text(json.dumps(SDK_CONFIGURATION))
        self.variables = {
            **{name: value.strip("'") for name, value in aws.env.items()},
            "HOME": str(home),
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(configuration),
        }

    def begin(self, script: str, variables: Mapping[str, str] | None = None) -> Script:
        """Start one of the scripts, with the bucket, the role and the image as its arguments."""
        return Script(
            [self.programs / "python", SCRIPTS / f"{script}.py"],
            [self._aws.bucket, self._aws.role_arn, self._aws.image],
            {**self.variables, **(variables or {})},
            self._home / f"{script}.log",
        )

    def run(self, program: str, *arguments: str, timeout_s: float = 60) -> str:
        """Run a program of the environment to its end; what it printed."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            env=self.variables,
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout


class Script:
    """A script that is running; its last line is JSON."""

    def __init__(
        self, command: list[Path], arguments: list[str], variables: dict[str, str], log: Path
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *arguments], env=variables, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT
            )

    def end(self, timeout_s: float) -> tuple[dict[str, Any], str]:
        """What the script reported, and all it printed."""
        code = self.process.wait(timeout_s)
        printed = self._log.read_text(errors="replace")
        assert code == 0, printed
        reported: dict[str, Any] = json.loads(
            printed[printed.rindex("\n{") :] if "\n{" in printed else printed
        )
        return reported, printed
