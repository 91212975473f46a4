"""Estimates how long the rest of the pipeline takes: from earlier runs, and from the epochs still to do."""

from __future__ import annotations

from collections.abc import Sequence

from stack.rest import AirflowApi

# Measured on two cores with the generated sample; earlier runs on this machine replace them.
TYPICAL_S = {"idc_ingest": 15.0, "idc_convert": 35.0, "idc_train": 240.0, "idc_deploy": 120.0}
EARLIER = 5  # runs of a DAG that are looked at


def expected_s(api: AirflowApi, dag_ids: Sequence[str], *, is_reused: bool) -> dict[str, float]:
    """Return the seconds each DAG is expected to take.

    A new snapshot is expected to take as long as the longest of the last runs, one that was seen before as
    long as the shortest, because its finished work is reused.
    """
    expected = {}
    for dag_id in dag_ids:
        done = [run for run in api.runs(dag_id, limit=EARLIER) if run["state"] == "success"]
        took = [run["duration"] for run in done if run["duration"]]
        typical = TYPICAL_S.get(dag_id, 0.0)
        expected[dag_id] = (min if is_reused else max)(took, default=typical)
    return expected


def in_words(seconds: float) -> str:
    """Return a time left as a person says it."""
    if seconds < 60:
        return "less than a minute left"
    return f"about {seconds / 60:.0f} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"
