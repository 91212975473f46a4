"""The page of commands: the Makefile's targets and the command lines behind them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import cast

import stack.__main__
from embedded_aws.cli import command_line
from handbook.markdown import ROOT, code, table

_TARGET = re.compile(r"^([a-z-]+):.*?##\s*(.+)$", re.MULTILINE)


def pages() -> dict[str, str]:
    """Return the page."""
    parts = [
        "# Commands",
        (
            "`make` alone lists these targets; each can be repeated. This page is made from the Makefile "
            "and the command lines' own help."
        ),
        table(("command", "does"), [(code(f"make {name}"), _prose(text)) for name, text in targets()]),
        "## `bin/embedded-aws`",
        "Speaks to the project's embedded AWS; [its page](../embedded-aws.md) tells more.",
        *_help(command_line._parser(), "bin/embedded-aws"),  # noqa: SLF001 - it is ours, and has the help
        "## `python -m stack`",
        "What the targets call.",
        *_help(stack.__main__._parser(), "python -m stack"),  # noqa: SLF001 - the same
    ]
    return {"reference/commands.md": "\n\n".join(parts)}


def targets() -> list[tuple[str, str]]:
    """Return the documented targets of the Makefile and what they do."""
    return [(name, text) for name, text in _TARGET.findall((ROOT / "Makefile").read_text())]


def _prose(text: str) -> str:
    return text.replace("$$", "$").replace("[", "\\[")


def _help(parser: argparse.ArgumentParser, program: str) -> Iterator[str]:
    parser.prog = program
    commands = next(a for a in parser._actions if isinstance(a.choices, dict))  # noqa: SLF001 - no public way
    for name, sub in cast("dict[str, argparse.ArgumentParser]", commands.choices).items():
        sub.prog = f"{program} {name}"
        sub.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
        yield f'??? note "`{program} {name}`"\n' + _indented(f"```text\n{sub.format_help().strip()}\n```")


def _indented(text: str) -> str:
    return "\n" + "\n".join(f"    {line}".rstrip() for line in text.splitlines())
