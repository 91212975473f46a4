"""Findings add up, lists stay short, and too many refusals stop the run."""

from __future__ import annotations

import json

import pytest

from idc.converter.quality import Quality
from idc.errors import TooManyQuarantined


def test_findings_add_up() -> None:
    total, part = Quality(), Quality(patches_read=10, patches_used=8, padded=1, excluded=3)
    part.sizes["50x42"] += 1
    part.quarantine("a.png", "is cut short")
    total.add(part)
    total.add(part)
    content = json.loads(total.to_json())
    assert content["patches_read"] == 20
    assert content["patches_used"] == 16
    assert content["padded"] == 2
    assert content["excluded"] == 6
    assert Quality.from_dict(total.to_dict()) == total
    assert content["sizes"] == {"50x42": 2}
    assert content["quarantined_count"] == 2
    assert content["quarantined"] == [{"member": "a.png", "reason": "is cut short"}] * 2


def test_a_hundred_names_are_enough() -> None:
    total = Quality()
    for _ in range(3):
        part = Quality()
        for number in range(80):
            part.quarantine(f"{number}.png", "is cut short")
        total.add(part)
    assert (total.quarantined_count, len(total.quarantined)) == (240, 100)


def test_a_thousandth_is_tolerated_and_no_more() -> None:
    quality = Quality()
    quality.quarantine("a.png", "is cut short")
    quality.check(1000, 0.001)
    with pytest.raises(TooManyQuarantined, match=r"1 of 999 patches quarantined: a\.png is cut short"):
        quality.check(999, 0.001)
