from __future__ import annotations

import os
from pathlib import Path

import pytest

from idc import layout
from idc.errors import ConfigurationError
from idc.settings import ApiSettings, load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "HISTOFLOW_")):
            monkeypatch.delenv(name)


def test_settings_shared_with_the_pipeline_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HISTOFLOW_HOME": "/srv/histoflow", "HISTOFLOW_BUCKET": "bucket", "HISTOFLOW_ENDPOINT_NAME": "idc",
        "HISTOFLOW_API_PORT": "9000", "HISTOFLOW_API_CORS_ORIGINS": '["https://a.example"]',
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    settings = load(ApiSettings)
    assert (settings.bucket, settings.endpoint_name, settings.port) == ("bucket", "idc", 9000)
    assert settings.folder == Path("/srv/histoflow/api")
    assert settings.cors_origins == ("https://a.example",)


def test_what_is_missing_or_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_API_RATE_LIMIT", "many")
    monkeypatch.setenv("HISTOFLOW_API_SLIDE_MAX_PIXELS", "1000000000")
    with pytest.raises(ConfigurationError) as caught:
        load(ApiSettings)
    assert "HISTOFLOW_BUCKET: missing, expected the name of the S3 bucket" in str(caught.value)
    assert "HISTOFLOW_API_RATE_LIMIT: 'many', expected" in str(caught.value)
    assert "HISTOFLOW_API_SLIDE_MAX_PIXELS: '1000000000', expected" in str(caught.value)


def test_the_key_of_a_label_says_day_request_tile_and_number() -> None:
    assert layout.feedback("2026-11-25", "a" * 32) == f"feedback/2026/11/25/{'a' * 32}.json"
    corrected = layout.feedback("2026-11-25", "b" * 32, 2, "x100_y50")
    assert corrected == f"feedback/2026/11/25/{'b' * 32}.x100_y50.2.json"
    with pytest.raises(ConfigurationError):
        layout.feedback("2026-11-25", "../x")
