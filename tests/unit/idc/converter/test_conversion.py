"""Equal inputs have equal digests, and the job is asked for just what was meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from idc import layout
from idc.converter.conversion import Conversion, ConversionSettings, dataset_digest, parse_arguments
from idc.converter.split import Shares
from idc.errors import ConfigurationError

DIGEST = "a" * 64
SETTINGS = ConversionSettings(
    3, Shares(0.6, 0.3, 0.1), 1 << 20, 0.02, ("image", "augmented"), "exclude", "e" * 64
)


def test_arguments_are_read_as_they_were_written() -> None:
    conversion = Conversion(
        "s3://b/snapshots/p/archive.zip", f"s3://b/datasets/{DIGEST}/", DIGEST, "p", SETTINGS
    )
    assert all(isinstance(argument, str) for argument in conversion.arguments())
    assert parse_arguments(conversion.arguments()) == conversion
    again = replace(conversion, rebuild="manual__1 2")
    assert parse_arguments(again.arguments()) == again


def test_every_input_decides_the_digest() -> None:
    standard = (DIGEST, ConversionSettings(), "c", "image")
    changed = [
        ("b" * 64, *standard[1:]),
        (DIGEST, SETTINGS, "c", "image"),
        (DIGEST, ConversionSettings(seed=8), "c", "image"),
        (DIGEST, ConversionSettings(formats=("image",)), "c", "image"),
        (DIGEST, ConversionSettings(edge_patches="exclude"), "c", "image"),
        (DIGEST, ConversionSettings(split_sha256="e" * 64), "c", "image"),
        (*standard[:2], "d", "image"),
        (*standard[:3], "other"),
    ]
    digests = {dataset_digest(*inputs) for inputs in [standard, standard, *changed]}
    assert len(digests) == 1 + len(changed)
    assert all(layout.dataset_prefix(digest) for digest in digests)


def test_the_order_of_formats_is_no_other_dataset() -> None:
    one, other = (
        ConversionSettings(formats=formats) for formats in (("image", "augmented"), ("augmented", "image"))
    )
    assert dataset_digest(DIGEST, one, "c", "image") == dataset_digest(DIGEST, other, "c", "image")


@pytest.mark.parametrize(
    "settings",
    [
        {"shard_bytes": 0},
        {"shard_bytes": 1 << 40},
        {"quarantine_limit": 2},
        {"formats": ("webdataset",)},
        {"edge_patches": "mirror"},
        {"split_sha256": "../split.csv"},
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        ConversionSettings(**settings)
