"""Jinja templates of every report: the page shell and the filters they share."""

from __future__ import annotations

import math

import jinja2

_PLURALS = {
    "patch": "patches",
    "image": "images",
    "member": "members",
    "patient": "patients",
    "source": "sources",
}

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("idc", ""),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["count"] = lambda number: f"{number:,}"
TEMPLATES.filters["of"] = lambda number, noun: f"{number:,} {noun if number == 1 else _PLURALS[noun]}"
TEMPLATES.filters["figure"] = lambda value: "–" if math.isnan(value) else f"{value:.3f}"
TEMPLATES.filters["percent"] = lambda share: f"{100 * share:.1f} %"
