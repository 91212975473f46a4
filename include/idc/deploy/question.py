"""The text of an approval request: metrics, gates, links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import Place


def question(metrics: Mapping[str, Any], decision: Mapping[str, Any], links: Mapping[str, str]) -> str:
    """Return the question as Markdown; `links` are addresses by the words that stand for them."""
    test = metrics["test"]
    rows = [
        f"| {metric.label} | {metric.text(test[metric.key])} |"
        for metric in metrics_table.shown(Place.APPROVAL)
        if metric.key in test
    ]
    gates = [
        f"- {'✓' if one['is_passed'] else '✗'} {one['name']}: {one['observed']}, required {one['required']}"
        for one in decision["gates"]
    ]
    is_synthetic = metrics.get("synthetic", False)
    return "\n".join(
        [
            f"**{metrics['variant']} of {metrics['partition']}**, measured on {test['patches']} patches of "
            f"{test['patients']} test patients. Research software, not a diagnostic device."
            + (" **SYNTHETIC DATA.**" if is_synthetic else ""),
            "",
            "| metric | value (95 % bounds) |",
            "|---|---|",
            *rows,
            "",
            *gates,
            *(f"- {reason}" for reason in decision["reasons"]),
            "",
            " · ".join(f"[{words}]({address})" for words, address in links.items()),
        ]
    )
