"""`python -m handbook`: print the reference's pages as one JSON object, Markdown by path."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from handbook import commands, dags, house, layout, modules, operations, settings

MAKERS: tuple[Callable[[], dict[str, str]], ...] = (
    dags.pages,
    modules.pages,
    settings.pages,
    layout.pages,
    operations.pages,
    commands.pages,
    house.pages,
)


def main() -> int:
    """Print every page."""
    pages: dict[str, str] = {}
    for make in MAKERS:
        pages.update(make())
    json.dump(pages, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
