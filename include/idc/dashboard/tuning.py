"""The tuned hyperparameters of each variant on the page, present and past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.dashboard.documents import Documents
from idc.variants.all import VARIANTS


def tuned(documents: Documents) -> dict[str, Any]:
    """Return every variant's tuned hyperparameters, the present ones first, then those before, newest first.

    `{"variants": [{"variant", "current": {…} | None, "history": [{…}, …]}]}`; an entry is as
    `idc.train.defaults.Tuned` writes it. A variant that was never tuned is left out.
    """
    keys = {variant: layout.tuned_defaults(variant) for variant in VARIANTS}
    found = documents.find(list(keys.values()))
    return {
        "variants": [
            {"variant": variant, **_defaults(found[key])} for variant, key in keys.items() if key in found
        ]
    }


def _defaults(kept: Mapping[str, Any]) -> dict[str, Any]:
    before = [one for one in kept.get("history", []) if one]
    return {"current": kept.get("current"), "history": before[::-1]}
