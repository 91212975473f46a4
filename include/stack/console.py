"""What a person reads while commands run: lines and tables of at most 80 columns, coloured on a terminal."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 80
GAP = 2  # between the columns of a table


def say(line: str = "", *, hang: int = 0) -> None:
    """Print text at once, also through a pipe; wrap long lines and indent their rest by `hang` columns.

    What has no spaces, such as a path or an address, stays whole.
    """
    rest = " " * hang
    parts = textwrap.wrap(line, WIDTH, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    say_as_is("\n".join(parts) if len(line) > WIDTH else line)


def say_as_is(text: str) -> None:
    """Print text at once and unwrapped: a command to copy, or the end of a log."""
    print(text, flush=True)


def say_aside(text: str) -> None:
    """Print text to standard error, for commands whose standard output a program reads."""
    print(text, file=sys.stderr, flush=True)


def shown(path: Path) -> str:
    """Return a path as a person would type it here: relative if it is below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], indent: int = 2) -> None:
    """Print rows under column names, as several tables below each other if one would be too wide.

    Each of these begins with the first column. Columns whose name ends in `>` are aligned to the right.
    """
    for number, part in enumerate(_groups(columns, rows, WIDTH - indent)):
        if number:
            say()
        _print_table([columns[at] for at in part], [[row[at] for at in part] for row in rows], indent)


def _groups(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterable[list[int]]:
    """Yield the numbers of the columns that stand together, each time with the first one."""
    names = [name.rstrip(">") for name in columns]
    widths = [max(map(len, cells)) for cells in zip(names, *rows, strict=True)]
    group, used = [0], widths[0]
    for at in range(1, len(columns)):
        if len(group) > 1 and used + GAP + widths[at] > width:
            yield group
            group, used = [0], widths[0]
        group.append(at)
        used += GAP + widths[at]
    yield group


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> None:
    console = Console(highlight=False, width=4 * WIDTH)  # so that a single wide column is not cut
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for name in columns:
        drawn.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    with console.capture() as capture:
        console.print(drawn)
    say_as_is("\n".join(" " * indent + line.rstrip() for line in capture.get().rstrip().splitlines()))
