"""Every key has one place, and no name can lead out of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from idc import layout
from idc.errors import ConfigurationError

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (layout.archive("2026-11"), "snapshots/2026-11/archive.zip"),
        (layout.manifest("2026-11"), "snapshots/2026-11/manifest.json"),
        (layout.dataset_pointer("2026-11"), "snapshots/2026-11/dataset.json"),
        (layout.split_prefix(DIGEST, "test"), f"datasets/{DIGEST}/recordio/test/"),
        (layout.shard("train", 7), "recordio/train/part-00007"),
        (layout.split_table(DIGEST), f"datasets/{DIGEST}/split.csv"),
        (layout.quality(DIGEST), f"datasets/{DIGEST}/quality.json"),
        (layout.index(DIGEST), f"datasets/{DIGEST}/index.json"),
        (layout.code_archive(DIGEST), f"code/{DIGEST}/sourcedir.tar.gz"),
        (layout.job_prefix("idc-train-2026-11-mxnet-0123456789"), "jobs/idc-train-2026-11-mxnet-0123456789/"),
        (layout.channel_manifest(DIGEST, "train"), f"datasets/{DIGEST}/recordio/train.manifest"),
        (layout.payload_prefix(DIGEST), f"datasets/{DIGEST}/payload/"),
        (layout.transform_prefix("score-1"), "jobs/score-1/transform/"),
        (layout.metrics("2026-11", "mxnet"), "candidates/2026-11/mxnet/metrics.json"),
        (layout.predictions("2026-11", "mxnet"), "candidates/2026-11/mxnet/predictions.csv"),
        (layout.smoke("2026-11", "mxnet"), "candidates/2026-11/mxnet/smoke.json"),
        (layout.candidate("2026-11", "mxnet"), "candidates/2026-11/mxnet/candidate.json"),
        (layout.decision("2026-11"), "candidates/2026-11/decision.json"),
        (layout.known_answers(DIGEST), f"models/{DIGEST}/known_answers.json"),
        (layout.reference(DIGEST), f"models/{DIGEST}/reference.json"),
        (layout.retraining(DIGEST, "2026-11"), f"models/{DIGEST}/retraining/2026-11.json"),
        (layout.feedback("2026-11-25", "a1"), "feedback/2026/11/25/a1.json"),
        (layout.captured_prefix("e", "v1-mxnet", "2026-11-25"), "capture/e/v1-mxnet/2026/11/25/"),
        (layout.monitoring("2026-11-25"), "monitoring/2026-11-25/monitoring.json"),
        (layout.monitoring_report("2026-11-25"), "monitoring/2026-11-25/report.html"),
        (layout.monitoring_picture("2026-11-25", "stains"), "monitoring/2026-11-25/report/stains.png"),
        (layout.tuning_page("2026-11-mxnet-0123456789"), "tuning/2026-11-mxnet-0123456789/tuning.html"),
        (layout.tuning_picture("t-0123456789", "tuning"), "tuning/t-0123456789/tuning.png"),
        (layout.trials("t-0123456789", "csv"), "tuning/t-0123456789/trials.csv"),
        (layout.tuned_defaults("mxnet"), "tuning/mxnet/defaults.json"),
    ],
)
def test_keys(key: str, expected: str) -> None:
    assert key == expected


@pytest.mark.parametrize(
    "build", [layout.archive, layout.job_prefix, layout.dataset_prefix, layout.code_prefix]
)
@pytest.mark.parametrize("name", ["", "..", "a/b", "../a", "a..b", ".a", "a\n", "ä", "a" * 129])
def test_a_name_that_is_none_is_refused(build: Callable[[str], str], name: str) -> None:
    with pytest.raises(ConfigurationError):
        build(name)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one of train, validation, test"):
        layout.shard("dev", 0)


@given(bucket=st.from_regex(r"[a-z0-9.-]{3,20}", fullmatch=True), key=st.text())
def test_an_address_is_read_as_it_was_written(bucket: str, key: str) -> None:
    assert layout.parse_uri(layout.uri(bucket, key)) == (bucket, key)


@pytest.mark.parametrize("address", ["", "s3://", "s3:///key", "/bucket/key", "https://bucket/key"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigurationError):
        layout.parse_uri(address)
