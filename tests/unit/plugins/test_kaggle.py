"""The hook speaks to Kaggle through Kaggle's own client, and never tells its secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import kaggle_server
import pytest
import requests
from kaggle_server import DATASET, KEY, LOGIN, RULES, TOKEN, Kaggle

from histoflow.hooks.kaggle import KaggleHook
from idc.errors import ConfigurationError, HistoflowError, MissingObject, RequestRejected, ServiceError
from idc.ingest import http_responses
from idc.ingest.releases import Release

ROOT = Path(__file__).resolve().parents[3]
CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    monkeypatch.setattr(http_responses, "PAUSE_S", 0.01)
    with kaggle_server.serving({1: CONTENT, 2: CONTENT[::-1]}) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        connect(monkeypatch, password=TOKEN)
        yield server


def connect(monkeypatch: pytest.MonkeyPatch, **fields: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_KAGGLE_DEFAULT", json.dumps({"conn_type": "kaggle", **fields}))


def content(version: int = 1, start: int = 0) -> bytes:
    return b"".join(Release(DATASET, version).open(KaggleHook()).blocks(start))


@pytest.mark.parametrize("fields", [{"password": TOKEN}, {"login": LOGIN, "password": KEY}])
def test_both_kinds_of_credentials(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str]
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "another account's")
    connect(monkeypatch, **fields)
    assert KaggleHook().current_version(DATASET) == 2
    assert KaggleHook().test_connection()[0] is False  # that data set is not on this server
    assert content() == CONTENT


def test_a_version_is_described_by_one_byte(kaggle: Kaggle) -> None:
    source = Release(DATASET, 2).open(KaggleHook())
    assert (source.size_bytes, source.identity, source.version) == (len(CONTENT), kaggle.etag(2), 2)
    assert source.name == f"kaggle://{DATASET}"
    assert list(source.checksums) == ["md5"]
    assert kaggle.bytes_served == 1


@pytest.mark.parametrize("cuts", [[0], [1], [len(CONTENT) - 1], [70_000, 70_001, 3_000_000]])
def test_a_connection_that_is_cut_goes_on_there(kaggle: Kaggle, cuts: list[int]) -> None:
    source = Release(DATASET, 1).open(KaggleHook())
    kaggle.cuts = list(cuts)
    assert b"".join(source.blocks()) == CONTENT
    assert kaggle.cuts == []
    assert kaggle.bytes_served == 1 + len(CONTENT)


def test_from_the_middle_nothing_before_is_sent(kaggle: Kaggle) -> None:
    assert content(1, 4_000_000) == CONTENT[4_000_000:]
    assert kaggle.bytes_served == 1 + len(CONTENT) - 4_000_000
    assert content(1, len(CONTENT)) == b""


def test_what_is_replaced_meanwhile_is_never_mixed(kaggle: Kaggle) -> None:
    source = Release(DATASET, 1).open(KaggleHook())
    blocks = source.blocks()
    kaggle.cuts = [3_000_000]
    next(blocks)
    kaggle.versions[1] = CONTENT[::-1]
    with pytest.raises(ServiceError, match="replaced while it was fetched"):
        list(blocks)


def test_without_ranges_there_is_no_going_on(kaggle: Kaggle) -> None:
    kaggle.has_ranges = False
    assert content() == CONTENT
    source = Release(DATASET, 1).open(KaggleHook())
    assert source.identity is None
    kaggle.cuts = [3_000_000]
    with pytest.raises(HistoflowError, match=r"broke off .* after 3000000 bytes, expected 5120000"):
        list(source.blocks())


def test_who_is_asked_to_wait_waits_as_long(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(http_responses.time, "sleep", waited.append)
    kaggle.refusals = [(429, {"Retry-After": "7"}), (503, {}), (429, {"Retry-After": "never"})]
    assert KaggleHook().current_version(DATASET) == 2
    assert waited[0] == 7
    assert len(waited) == 3
    assert max(waited[1:]) < 1


def test_who_is_asked_to_wait_for_long_leaves_it_to_airflow(kaggle: Kaggle) -> None:
    kaggle.refusals = [(429, {"Retry-After": "3600"})]
    with pytest.raises(ServiceError, match="answered 429, asks for a retry in 3600 s"):
        KaggleHook().current_version(DATASET)
    kaggle.refusals = [(500, {})] * http_responses.ATTEMPTS
    with pytest.raises(ServiceError, match="answered 500"):
        KaggleHook().current_version(DATASET)
    assert kaggle.refusals == []


@pytest.mark.parametrize("when", ["Wed, 21 Oct 2015 07:28:00 GMT", "0"])
def test_a_date_in_the_past_is_no_reason_to_wait(kaggle: Kaggle, when: str) -> None:
    kaggle.refusals = [(429, {"Retry-After": when})]
    assert KaggleHook().current_version(DATASET) == 2


def test_no_rules_accepted(kaggle: Kaggle) -> None:
    kaggle.needs_rules = True
    with pytest.raises(RequestRejected) as refusal:
        content()
    assert RULES in str(refusal.value)
    assert f"accept the rules at https://www.kaggle.com/datasets/{DATASET}" in str(refusal.value)


def test_what_is_not_there(kaggle: Kaggle) -> None:
    with pytest.raises(MissingObject, match="Check owner, name and version"):
        content(version=9)
    with pytest.raises(MissingObject, match="owner/nothing"):
        KaggleHook().current_version("owner/nothing")


def test_a_connection_without_a_token_or_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch)
    with pytest.raises(ConfigurationError, match="it holds no token"):
        KaggleHook().get_conn()
    assert KaggleHook.is_configured()
    monkeypatch.delenv("AIRFLOW_CONN_KAGGLE_DEFAULT")
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_KAGGLE_DEFAULT"):
        KaggleHook().get_conn()
    assert not KaggleHook.is_configured()


def test_a_redirect_to_plain_http_elsewhere_is_not_followed(kaggle: Kaggle) -> None:
    kaggle.redirect = "http://example.org/archive.zip?X-Goog-Signature=secret"
    with pytest.raises(ConfigurationError, match=r"http://example\.org/archive\.zip: not HTTPS") as refusal:
        content()
    assert "secret" not in str(refusal.value)


def test_the_secret_is_in_no_message_and_no_log(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every way to fail, with everything logged that can be."""
    caplog.set_level(logging.DEBUG)
    wrong = "canary-wrong-token"
    told = []
    for password, prepare in {
        wrong: {},
        TOKEN: {"needs_rules": True},
        f"{TOKEN} ": {},
        f" {KEY}": {"redirect": "http://127.0.0.1:9/?X-Goog-Signature=secret"},
    }.items():
        vars(kaggle).update(needs_rules=False, redirect=None)
        vars(kaggle).update(prepare)
        connect(monkeypatch, password=password.strip(), **({"login": LOGIN} if KEY in password else {}))
        kaggle.cuts = [100]
        try:
            content()
        except HistoflowError:
            told.append(traceback.format_exc())
    assert len(told) == 3
    assert "ConfigurationError: connection kaggle_default: Kaggle answered 401 Unauthenticated" in told[0]
    for text in [*told, *(record.getMessage() for record in caplog.records if record.name != "urllib3")]:
        for secret in (wrong, TOKEN, KEY):
            assert secret not in text
    assert not any("Signature" in text for text in told)


def test_the_form_of_the_connection_is_in_airflows_list() -> None:
    """As the API server lists connection types: packages on its path, the plugins folder among them."""
    script = (
        "import json\n"
        "from airflow.providers_manager import ProvidersManager\n"
        "found = ProvidersManager()\n"
        "hook = found.hooks['kaggle']\n"
        "print(json.dumps([hook.hook_class_name, hook.hook_name, found.field_behaviours['kaggle']]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    class_name, name, form = json.loads(done.stdout.splitlines()[-1])
    assert class_name == f"{KaggleHook.__module__}.{KaggleHook.__name__}"
    assert name == KaggleHook.hook_name
    assert "token" in form["relabeling"]["password"]
    assert "extra" in form["hidden_fields"]


def test_the_answer_is_one_of_the_storage(kaggle: Kaggle) -> None:
    answer = KaggleHook().fetch(DATASET, 1, {"Range": "bytes=5-9"})
    assert isinstance(answer, requests.Response)
    with answer:
        assert answer.content == CONTENT[5:10]
    assert kaggle.calls == {"DownloadDataset": 1}
