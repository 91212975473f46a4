from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws import settings
from embedded_aws.errors import SettingError
from embedded_aws.supervision.ports import Ports


def test_a_flag_wins_over_a_variable_and_that_over_what_was_saved(tmp_path: Path) -> None:
    settings.load(tmp_path, {"port": 1001, "s3_port": 1002, "max_jobs": 3, "bucket": ["a"]}).save()
    variables = {"EMBEDDED_AWS_S3_PORT": "2002", "EMBEDDED_AWS_STOP_GRACE_S": "1.5", "EMBEDDED_AWS_PORT": ""}
    loaded = settings.load(tmp_path, {"max_jobs": 4, "bucket": ["b", "a"], "role": None}, variables)
    assert (loaded.port, loaded.s3_port, loaded.max_jobs, loaded.stop_grace_s) == (1001, 2002, 4, 1.5)
    assert loaded.bucket == ("a", "b")
    assert loaded.role == ()


def test_runtimes_path_survives_saving(tmp_path: Path) -> None:
    settings.load(tmp_path, {"runtimes": "x.toml"}).save()
    assert settings.load(tmp_path).runtimes == Path("x.toml").resolve()


@pytest.mark.parametrize(
    ("flags", "variables", "words"),
    [
        ({"port": 70000}, {}, "Setting port: 70000"),
        ({}, {"EMBEDDED_AWS_PORT": "many"}, "Setting port: 'many'"),
        ({"isolation": "docker"}, {}, "Setting isolation"),
    ],
)
def test_a_bad_value_names_its_setting(
    tmp_path: Path, flags: dict[str, object], variables: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingError, match=words):
        settings.load(tmp_path, flags, variables)


def test_saved_settings_that_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(SettingError, match="expected JSON"):
        settings.load(tmp_path)


def test_ports_are_distinct_and_below_the_last(tmp_path: Path) -> None:
    ports = Ports.of(settings.load(tmp_path, {"port": 14000, "s3_port": 14001}))
    assert len(set(vars(ports).values())) == len(vars(ports))
    assert ports.moto == 14020
    with pytest.raises(SettingError, match="asked for twice"):
        Ports.of(settings.load(tmp_path, {"port": 14000, "s3_port": 14022}))
    with pytest.raises(SettingError, match="beyond"):
        Ports.of(settings.load(tmp_path, {"port": 14000, "internal_port": 65530}))
