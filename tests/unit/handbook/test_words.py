"""What the pages say of commands and variables is true, and nothing that can be set goes unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from handbook import commands, layout, settings

ROOT = Path(__file__).resolve().parents[3]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
# Tables, code, links alone on a line and pictures cannot be wrapped.
UNWRAPPED = re.compile(r"^\s*(?:\||!\[|\[[^\]]+\]: )")
FENCE = re.compile(r"^\s*```")
# Commands stand in code: between backticks, or behind a prompt.
COMMAND = re.compile(r"(?:`|\$ |^ {4,}|&& |\()make(?: -s)? ([a-z][a-z-]*)", re.MULTILINE)
VARIABLE = re.compile(r"\b(?:HISTOFLOW|EMBEDDED_AWS)_[A-Z0-9_]*[A-Z0-9]\b")
# Said of all settings of a kind, not of one.
PREFIXES = {"EMBEDDED_AWS"}
# Read by the embedded AWS beside its settings.
OTHERS = {"EMBEDDED_AWS_HOME", "EMBEDDED_AWS_PROCESS_OF"}


def known_variables() -> set[str]:
    page = settings.pages()["reference/settings.md"]
    return set(VARIABLE.findall(page)) | OTHERS


def mentioned(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for word in pattern.findall(path.read_text()):
            yield path.name, word


def test_every_command_on_a_page_is_a_target() -> None:
    targets = {name for name, _ in commands.targets()} | {"client-environments"}
    found = set(mentioned(COMMAND))

    assert {name for _, name in found} >= {"demo", "up", "down", "test"}
    assert {(page, name) for page, name in found if name not in targets} == set()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_link_of_the_pages_at_the_top_leads_to_a_file(name: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text())
    inner = [target for target in targets if "://" not in target]

    assert len(inner) > 5
    assert [target for target in inner if not (ROOT / target).exists()] == []


def test_the_readme_fits_200_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_lines_of_prose_wrap_at_100_characters() -> None:
    long = []
    for path in TOP:
        in_code = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            in_code ^= bool(FENCE.match(line))
            if len(line) > 100 and not in_code and not UNWRAPPED.match(line):
                long.append(f"{path.name}:{number}")

    assert long == []


def test_every_target_says_what_it_does_or_is_only_for_others() -> None:
    defined = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documented = {name for name, _ in commands.targets()}

    assert {name for name in defined - documented if not name.endswith(("environment", "environments"))} == {
        "lint",
        "types",
    }


def test_every_variable_on_a_page_can_be_set() -> None:
    known = known_variables()

    assert {(page, name) for page, name in mentioned(VARIABLE) if name not in known} == set()


@pytest.mark.parametrize("kind", settings.kinds(), ids=lambda kind: kind.__name__)
def test_every_setting_is_on_the_page_with_its_meaning(kind: type) -> None:
    rows = settings.pages()["reference/settings.md"].splitlines()

    for variable in settings.variables(kind):
        [*lines] = [row for row in rows if f"`{variable}`" in row]
        assert lines, variable
        assert all(row.rstrip("| ").split(" | ")[-1].strip() for row in lines), variable


def test_a_default_that_lies_in_the_repository_is_shown_without_the_machine() -> None:
    page = "".join(settings.pages().values())

    assert "`.histoflow`" in page
    assert str(ROOT) not in page
    assert str(Path.home()) not in page


def test_every_key_is_on_the_page_of_the_layout() -> None:
    found = {name: key for name, key, _ in layout.entries()}

    assert found["index"] == "datasets/<dataset digest>/index.json"
    assert found["part"] == "datasets/<dataset digest>/parts/<split>/part-<number>.json"
    assert found["metrics"] == "candidates/<partition>/<variant>/metrics.json"
    assert not any("stand-in" in key or "00007" in key or "aaaa" in key for key in found.values())
