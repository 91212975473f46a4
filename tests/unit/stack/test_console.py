from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from stack import console, paths

FIGURE = "0.842 (0.801–0.873)"
METRICS = ["accuracy", "balanced accuracy", "sensitivity", "specificity", "F1", "AUC-ROC"]

# Prints a table and rows that move, as `make demo` does.
SHOWN = """
from stack import console
from stack.display import Display
from stack.joblogs import Step
console.table(["candidate", "accuracy"], [["mxnet", "0.842"]])
with Display() as display:
    display.begin("train", 3, 4)
    display.busy(["train mxnet", "train tensorflow"], "about 3 min left")
    display.move("train mxnet", Step("epoch", 12, 48, 0.842, 1812.4))
    display.say("plan: done, 2 s")
"""


def run_shown(**variables: str) -> str:
    """Return what a pipe gets."""
    command = [sys.executable, "-c", SHOWN]
    return subprocess.run(
        command, env=environment(variables), capture_output=True, text=True, check=True
    ).stdout


def run_on_a_terminal(**variables: str) -> str:
    """Return what a terminal of 80 columns gets, escape sequences and all."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", SHOWN], env=environment(variables), stdout=theirs)
    os.close(theirs)
    received = b""
    while chunk := _read(ours):
        received += chunk
    os.close(ours)
    assert process.wait() == 0
    return received.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def environment(variables: dict[str, str]) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(paths.INCLUDE),
        "COLUMNS": "80",
        "TERM": "xterm-256color",
        **variables,
    }


def test_a_pipe_gets_plain_lines() -> None:
    lines = run_shown().splitlines()

    assert lines[:2] == ["  candidate  accuracy", "  mxnet      0.842"]
    assert [line.split("] ")[1] for line in lines[2:]] == [
        "train mxnet: epoch 12 of 48, accuracy 0.842, 1,812 images/s",
        "plan: done, 2 s",
    ]


def test_a_terminal_gets_rows_that_move_in_colour() -> None:
    received = run_on_a_terminal()

    assert "train tensorflow" in received
    assert "3 of 4 train" in received
    assert "about 3 min left" in received
    assert "epoch 12 of 48, accuracy 0.842, 1,812 images/s" in received, "not cut at 80 columns"
    assert "\x1b[38;" in received


def test_no_color_is_honoured() -> None:
    received = run_on_a_terminal(NO_COLOR="1")

    assert "epoch 12 of 48" in received
    assert "\x1b[38;" not in received
    assert "\x1b[3" not in received.replace("\x1b[3m", "")


def test_a_wide_table_becomes_two_and_keeps_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [["builtin-lowlevel", *[FIGURE] * 6], ["always class 0", *[FIGURE] * 5, "0.500"]]

    console.table(["candidate", *METRICS], rows, indent=1)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= console.WIDTH
    assert [line.split()[0] for line in lines if line] == ["candidate", "builtin-lowlevel", "always"] * 2
    text = "\n".join(lines)
    assert text.count(FIGURE) == 11
    assert "0.500" in text
    assert all(name in text for name in METRICS)


def test_a_cell_wider_than_all_columns_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["name", "job>"], [["x", "y" * 100]])

    assert "y" * 100 in capsys.readouterr().out


def test_long_lines_are_wrapped_at_spaces_only(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/deep" * 20
    console.say(f"label      {'word ' * 20}{path} end", hang=11)

    lines = capsys.readouterr().out.splitlines()
    assert path in " ".join(lines).split()
    assert all(len(line) <= console.WIDTH for line in lines if path not in line)
    assert all(line.startswith(" " * 11) for line in lines[1:])


def test_a_path_below_the_current_folder_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert console.shown(tmp_path / "home" / "key") == "home/key"
    assert console.shown(Path("/elsewhere/key")) == "/elsewhere/key"
