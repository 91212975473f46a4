"""Make planned trainings requests, and join those that are equal: an equal request trains once.

It runs in the environment of the SageMaker SDK 2, and needs nothing else that is not in the standard library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from idc.jobs.spec import digest_of
from idc.variants import sdk


def requested(planned: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a job for each distinct request, made by the SDK where the plan says so."""
    return joined(sdk.requested(planned))


def joined(requests: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a job for each distinct request, with the `variants` that asked for it.

    The rest of an equal request, `variant` and `prefix` among it, is the first variant's.
    """
    jobs: dict[str, dict[str, Any]] = {}
    for one in requests:
        job = jobs.setdefault(digest_of(one["request"]), {**one, "variants": []})
        job["variants"].append(one["variant"])
    return list(jobs.values())
