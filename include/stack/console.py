"""What a person reads while commands run: plain lines, and tables that are prettier on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text


def say(line: str = "") -> None:
    """Print one line at once, so that it is seen through a pipe as well."""
    print(line, flush=True)


def say_aside(line: str) -> None:
    """Print one line to standard error, for commands whose standard output is read by a program."""
    print(line, file=sys.stderr, flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], indent: int = 2) -> None:
    """Print rows under column names; columns whose name ends in `>` are aligned to the right."""
    if not sys.stdout.isatty():
        _plain_table(columns, rows, indent)
        return
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        drawn.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as capture:
        console.print(drawn)
    say("\n".join(" " * indent + line for line in capture.get().rstrip().splitlines()))


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> None:
    names = [name.rstrip(">") for name in columns]
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]
    for row in [names, *rows]:
        cells = [
            cell.rjust(width) if column.endswith(">") else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        say(" " * indent + "  ".join(cells).rstrip())
