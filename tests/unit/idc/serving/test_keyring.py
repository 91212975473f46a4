from __future__ import annotations

import time
from pathlib import Path

import pytest

from idc.errors import ConfigurationError
from idc.serving import keys
from idc.serving.keyring import FILE, Keyring, id_of


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "api")


def test_a_key_opens_what_it_was_made_for(keyring: Keyring, tmp_path: Path) -> None:
    text = keyring.create("hospital", ["predict", "feedback"])
    key = keyring.find(text)

    assert key is not None
    assert (key.tenant, key.scopes, key.id) == ("hospital", {"predict", "feedback"}, id_of(text))
    assert text.rpartition("_")[2].encode() not in (tmp_path / "api" / FILE).read_bytes()
    assert (tmp_path / "api" / FILE).stat().st_mode & 0o777 == 0o600


def test_two_keys_differ_and_have_256_random_bits(keyring: Keyring) -> None:
    first, second = (keyring.create("a", ["predict"]).split("_", 2) for _ in range(2))
    assert first[1] != second[1]
    assert first[2] != second[2]
    assert len(first[2]) == 43  # base64 of 32 bytes


@pytest.mark.parametrize(
    "change", [lambda key: key[:-1], lambda key: key + "x", lambda _: "", lambda _: "a_b_c"]
)
def test_what_is_not_quite_a_key_is_none(keyring: Keyring, change: object) -> None:
    text = keyring.create("a", ["predict"])
    assert keyring.find(change(text)) is None  # type: ignore[operator]  # pytest knows no types


def test_a_key_ends(keyring: Keyring) -> None:
    text = keyring.create("a", ["predict"], expires_at=1000.0)
    assert keyring.find(text, now=999.9) is not None
    assert keyring.find(text, now=1000.0) is None


def test_rotation_lets_both_work_for_a_while(keyring: Keyring) -> None:
    old = keyring.create("a", ["slides"])
    new = keyring.rotate(id_of(old), overlap_s=3600)

    now = time.time()
    assert keyring.find(old, now=now + 3000) is not None
    assert keyring.find(old, now=now + 4000) is None
    found = keyring.find(new, now=now + 4000)
    assert found is not None
    assert (found.tenant, found.scopes) == ("a", {"slides"})
    assert keyring.all()[0].successor == id_of(new)


def test_rotation_never_makes_a_key_last_longer(keyring: Keyring) -> None:
    old = keyring.create("a", ["slides"], expires_at=time.time() + 300)
    keyring.rotate(id_of(old), overlap_s=3600)
    assert keyring.find(old, now=time.time() + 600) is None


def test_revoking_is_at_once_and_seen_by_a_running_server(keyring: Keyring, tmp_path: Path) -> None:
    text = keyring.create("a", ["predict"])
    command_line = Keyring(tmp_path / "api")
    command_line.revoke(id_of(text))
    assert keyring.find(text) is None
    with pytest.raises(ConfigurationError, match="revoked or expired"):
        keyring.rotate(id_of(text), 1)
    with pytest.raises(ConfigurationError, match="unknown"):
        keyring.revoke("nothing")


@pytest.mark.parametrize(
    ("tenant", "scopes"), [("a", ["all"]), ("a", []), ("", ["predict"]), ("a\nb", ["predict"])]
)
def test_nonsense_is_refused(keyring: Keyring, tenant: str, scopes: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        keyring.create(tenant, scopes)


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HISTOFLOW_HOME", str(tmp_path))
    file = tmp_path / "api" / "key"
    assert keys.main(["create", "lab", "--file", str(file), "--days", "30"]) == 0
    key = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.main(["create", "lab", "--file", str(file)]) == 0
    assert "kept" in capsys.readouterr().err
    assert file.read_text().strip() == key

    for unwritable in (tmp_path, file / "below-a-file"):
        assert keys.main(["rotate", id_of(key), "--file", str(unwritable)]) == 1
        assert f"file {unwritable}: cannot be written" in capsys.readouterr().err
    assert keys.main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2

    assert keys.main(["rotate", id_of(key), "--overlap-hours", "2"]) == 0
    rotated = capsys.readouterr().out.strip()
    assert keys.main(["revoke", id_of(rotated)]) == 0
    assert keys.main(["list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["valid", "revoked"]
    assert key not in listed

    assert keys.main(["create", "lab", "--scopes", "everything"]) == 1
    failed = capsys.readouterr()
    assert failed.out == ""
    assert "expected some of predict" in failed.err
