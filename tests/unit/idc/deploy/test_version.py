"""Which version is gone back to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.idc.deploy.test_decision import CHAMPION

from idc.deploy import rollback
from idc.deploy.version import Version, before
from idc.errors import MissingObject


def version(number: int, deployed_at: str, **changes: str) -> Version:
    return replace(CHAMPION, number=number, arn=f"arn:{number}", deployed_at=deployed_at, **changes)


def test_one_goes_back_to_the_approved_version_that_was_served_last_before() -> None:
    now = version(5, "2026-11-05")
    versions = [
        now,
        version(4, "2026-11-04", status="Rejected"),
        version(3, ""),
        version(2, "2026-11-01", deployed_to="elsewhere"),
        version(1, "2026-10-01"),
        version(0, "2026-09-01"),
    ]

    assert before(versions, "idc", now) == versions[4]
    assert before(versions[:4], "idc", now) is None


def test_one_does_not_go_forward_to_the_version_one_has_just_left() -> None:
    """The endpoint is back at the second version, but the run that brought it there failed before its end."""
    third, second, first = (version(number, f"2026-1{number}-01") for number in (2, 1, 0))

    assert before([third, second, first], "idc", second) == first
    assert before([third, second], "idc", second) is None


def test_one_goes_back_from_a_version_that_never_answered_as_it_should() -> None:
    newest = version(2, "", deployed_to="")

    assert before([newest, version(1, "2026-10-01")], "idc", newest) == version(1, "2026-10-01")


def test_a_version_survives_being_handed_to_another_task() -> None:
    assert Version.from_dict(CHAMPION.to_dict()) == CHAMPION


def test_there_must_be_an_approved_version_to_go_back_to() -> None:
    with pytest.raises(MissingObject, match="nothing was behind it before v4-tensorflow"):
        rollback.check(None, CHAMPION, "idc")
    with pytest.raises(MissingObject, match=r"v4-tensorflow: Rejected: bad, expected Approved"):
        rollback.check(replace(CHAMPION, status="Rejected", reason="bad"), None, "idc")
