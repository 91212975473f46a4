"""What is written from the variants is as the variants declare it."""

from __future__ import annotations

import pytest

from stack import paths, runtimes


@pytest.mark.parametrize("path", [runtimes.DOCKER, runtimes.POLICY])
def test_generated_files_are_up_to_date(path: str) -> None:
    assert (paths.REPOSITORY / path).read_text() == runtimes.files(paths.REPOSITORY)[path], (
        "run make runtimes"
    )


def test_a_variant_that_is_gone_may_not_be_pulled() -> None:
    text = (paths.REPOSITORY / runtimes.POLICY).read_text()

    assert "mxnet-training" in text
    assert "repository/" not in runtimes.policy(text, {})
