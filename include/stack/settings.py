"""Settings of the local stack: where its state is, which ports it takes, which AWS it talks to.

Each is an environment variable named `HISTOFLOW_` + the field's name in capitals.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from embedded_aws.supervision.supervisord import Group
from idc.settings import Bucket, Password, Region, RoleArn, load
from stack import paths

Port = Annotated[int, Field(ge=1024, le=65535)]
Service = Literal["aws", "airflow", "api"]

_A_PORT = "a free port from 1024 to 65535"
_SQLALCHEMY_POSTGRES = "postgresql+psycopg2://"
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class StackSettings(BaseSettings):
    """How Airflow, the embedded AWS and the REST API are run on this machine."""

    model_config = SettingsConfigDict(env_prefix="HISTOFLOW_", frozen=True, env_ignore_empty=True)

    home: Path = Field(default_factory=paths.home, description="the folder that holds all local state")
    envs: Path = Field(
        default_factory=paths.environments, description="the folder of the Python environments"
    )

    aws: Literal["embedded", "amazon"] = Field(
        default="embedded",
        description="`embedded` (this machine) or `amazon` (your own account; set HISTOFLOW_BUCKET and "
        "HISTOFLOW_ROLE_ARN as well)",
    )
    region: Region = Field(
        default="us-east-1",
        validation_alias=AliasChoices("HISTOFLOW_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="an AWS region such as us-east-1",
    )
    bucket: Bucket = Field(default="histoflow", description="the name of the S3 bucket")
    role_arn: RoleArn | None = Field(
        default=None, description="the ARN of the role that SageMaker's jobs assume on Amazon"
    )
    role: Annotated[str, StringConstraints(pattern=r"^[\w+=,.@-]{1,64}$")] = Field(
        default="histoflow-sagemaker", description="the name of the IAM role made in the embedded AWS"
    )
    aws_port: Port = Field(default=4566, description=_A_PORT)
    s3_port: Port = Field(default=8333, description=_A_PORT)

    pretrained_weights: Path | None = Field(
        default=None,
        description="the folder with `resnet-18.params`, pretrained weights for the embedded AWS",
    )

    airflow_port: Port = Field(default=8080, description=_A_PORT)
    api_port: Port = Field(default=8088, description=_A_PORT)
    parallelism: int = Field(default=4, ge=1, le=64, description="how many tasks run at once, 1 to 64")
    sagemaker_slots: int = Field(
        default=4, ge=1, le=1000, description="how many SageMaker jobs the DAGs may have at once, 1 to 1000"
    )
    database_url: Password | None = Field(
        default=None,
        description="a Postgres URL (postgresql://user:password@host/database) or nothing for SQLite",
    )
    dags_folder: Path = Field(default=paths.REPOSITORY / "dags", description="the folder of the DAG files")
    plugins_folder: Path = Field(
        default=paths.REPOSITORY / "plugins", description="the folder of the plugins"
    )

    start_timeout_s: int = Field(default=240, ge=10, le=3600, description="seconds, 10 to 3600")
    demo_timeout_s: int = Field(default=86400, ge=60, le=432000, description="seconds, 60 to 432000")

    @model_validator(mode="after")
    def _check_ports(self) -> StackSettings:
        ports = {
            "AWS": self.aws_port,
            "S3": self.s3_port,
            "AIRFLOW": self.airflow_port,
            "API": self.api_port,
        }
        if len(set(ports.values())) < len(ports):
            shown = ", ".join(f"HISTOFLOW_{name}_PORT={port}" for name, port in ports.items())
            raise ValueError(f"Ports: {shown}, expected four different ones. Change one.")
        return self

    @model_validator(mode="after")
    def _check_amazon(self) -> StackSettings:
        given = {"HISTOFLOW_BUCKET": "bucket", "HISTOFLOW_ROLE_ARN": "role_arn"}
        missing = [name for name, field in given.items() if field not in self.model_fields_set]
        if self.aws == "amazon" and missing:
            raise ValueError(
                f"{' and '.join(missing)}: missing, expected with HISTOFLOW_AWS=amazon. Name your own."
            )
        endpoints = {name: value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL")}
        here = [name for name, value in endpoints.items() if urlsplit(value).hostname in _THIS_MACHINE]
        if self.aws == "amazon" and here:
            raise ValueError(
                f"{' and '.join(sorted(here))}: on this machine, expected Amazon's with "
                "HISTOFLOW_AWS=amazon. What `make env` printed is for the embedded AWS: open another shell."
            )
        return self

    @model_validator(mode="after")
    def _check_database(self) -> StackSettings:
        if self.database_url and not self.sql_alchemy_url.startswith(("sqlite:", _SQLALCHEMY_POSTGRES)):
            raise ValueError(
                "HISTOFLOW_DATABASE_URL: ***, expected postgresql://user:password@host/database."
            )
        return self

    @property
    def sql_alchemy_url(self) -> str:
        """The URL of Airflow's database as SQLAlchemy wants it."""
        if self.database_url is None:
            return f"sqlite:///{self.airflow_home / 'airflow.db'}"
        url = self.database_url.get_secret_value()
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                return _SQLALCHEMY_POSTGRES + url.removeprefix(scheme)
        return url

    @property
    def airflow_home(self) -> Path:
        """The folder of Airflow's own state."""
        return self.home / "airflow"

    @property
    def aws_home(self) -> Path:
        """The folder of the embedded AWS's state."""
        return self.home / "aws"

    @property
    def api_home(self) -> Path:
        """The folder of the REST API's state."""
        return self.home / "api"

    @property
    def logs(self) -> Path:
        """The folder of the logs of Airflow and of the REST API."""
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """The folder of what only matters while processes run."""
        return self.home / "run"

    @property
    def airflow_url(self) -> str:
        """The address of the Airflow UI and of its REST API."""
        return f"http://127.0.0.1:{self.airflow_port}"

    @property
    def api_url(self) -> str:
        """The address of the REST API and of its page."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def airflow_group(self) -> Group:
        """Airflow's processes."""
        return Group(home=self.airflow_home, run=self.run, logs=self.logs)

    @property
    def api_group(self) -> Group:
        """The REST API's processes."""
        return Group(home=self.api_home, run=self.run / "api", logs=self.logs)


def stack_settings() -> StackSettings:
    """Read the settings of the stack from the environment.

    Raises:
        ConfigurationError: names every variable that is wrong, with what to do.
    """
    return load(StackSettings)
