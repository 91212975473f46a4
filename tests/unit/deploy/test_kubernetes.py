"""The chart's values are YAML that says what the pages say, and fit the image they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from idc.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "kubernetes"
COMPONENTS = ("scheduler", "dagProcessor", "apiServer", "triggerer", "workers")


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text())
    return found


def test_every_variable_is_a_setting_or_one_of_airflows(values: dict[str, Any]) -> None:
    names = {entry["name"] for entry in values["env"]} | {entry["envName"] for entry in values["secret"]}
    ours = {name for name in names if name.startswith("HISTOFLOW_")}

    assert ours <= {f"HISTOFLOW_{name.upper()}" for name in Settings.model_fields}
    required = {
        f"HISTOFLOW_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()
    }
    assert required <= ours
    assert all(name.startswith("AIRFLOW_CONN_") for name in names - ours)


def test_the_version_is_the_one_that_is_locked(values: dict[str, Any]) -> None:
    lock = (ROOT / "requirements/airflow.txt").read_text()

    assert f"\napache-airflow=={values['airflowVersion']} " in lock


def test_the_folders_are_those_of_the_image(values: dict[str, Any]) -> None:
    image = (ROOT / "Dockerfile").read_text()

    for option in ("dags_folder", "plugins_folder"):
        assert f"AIRFLOW__CORE__{option.upper()}={values['config']['core'][option]}" in image


def test_the_image_has_what_the_chart_calls(values: dict[str, Any]) -> None:
    image = (FOLDER / "Dockerfile").read_text()

    assert "> /entrypoint && chmod 755 /entrypoint" in image  # the probes run it, whatever the image's own is
    for component in ("scheduler", "dagProcessor", "triggerer", "workers"):
        assert not values[component]["logGroomerSidecar"]["enabled"], "there is no /clean-logs"


def test_nothing_secret_is_in_the_values_and_every_secret_is_on_the_page(values: dict[str, Any]) -> None:
    page = (ROOT / "docs/guides/kubernetes.md").read_text()
    named = [values[key] for key in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName")]
    named += [values["data"]["metadataSecretName"], values["data"]["brokerUrlSecretName"]]
    named.append(values["redis"]["passwordSecretName"])
    named += [entry["secretName"] for entry in values["secret"]]

    assert all(f"k {name} " in page for name in named)
    assert not values["postgresql"]["enabled"]
    assert not values["createUserJob"]["enabled"]


def test_every_component_has_the_role_and_what_must_be_set_is_marked(values: dict[str, Any]) -> None:
    roles = [values[name]["serviceAccount"]["annotations"] for name in COMPONENTS]
    assert all(
        role == {"eks.amazonaws.com/role-arn": roles[0]["eks.amazonaws.com/role-arn"]} for role in roles
    )

    for line in (FOLDER / "values.yaml").read_text().splitlines():
        if re.search(r"my-histoflow|123456789012|example\.com", line) and not line.startswith("#"):
            assert "# SET" in line, line
