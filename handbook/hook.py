"""What MkDocs runs: add the generated pages and Mermaid, and mend links that leave `docs/`.

Pages link to files of the repository by their paths. On the site such a link becomes the path as text. A
missing file is a warning, which fails a strict build.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = Path(os.environ.get("HISTOFLOW_ENVS") or ROOT / ".histoflow" / "envs")
# Installed by `python -m stack.node mermaid`; the site serves it itself, under the name below.
MERMAID = ENVIRONMENTS / "mermaid" / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"
SCRIPT = "assets/mermaid.js"
# Each prints pages from the code it can import; the second is there once the REST API is.
GENERATORS = (("airflow", "handbook", "dags"), ("serving", "handbook.rest", "include/idc/serving"))

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>(?:\.\./)+[^)#\s]+)(?:#[^)\s]*)?\)")
_CHART = re.compile(r"^(```mermaid\nflowchart \w+\n)(?!  accTitle)", re.MULTILINE)
_log = logging.getLogger("mkdocs.hooks.handbook")
_pages: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the reference, and expand `*.md` in the navigation.

    Raises:
        RuntimeError: Mermaid is not installed, or a generator failed.
    """
    if not MERMAID.is_file():
        raise RuntimeError(f"Mermaid: {MERMAID} not found, expected its package. Run `make docs`.")
    _pages.clear()
    _pages["changelog.md"] = (ROOT / "CHANGELOG.md").read_text()
    for environment, module, source in GENERATORS:
        if (ROOT / source).is_dir():
            _pages.update(_generated(environment, module))
    known = set(_pages) | {
        path.relative_to(config.docs_dir).as_posix() for path in Path(config.docs_dir).rglob("*.md")
    }
    config.nav = _expanded(config.nav, sorted(known))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and Mermaid."""
    files.append(File.generated(config, SCRIPT, abs_src_path=str(MERMAID)))
    for path, content in _pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - as MkDocs calls it
    """Name flowcharts after their page, and turn links that leave `docs/` into the paths they name."""
    if page.file.abs_src_path is None:
        return markdown
    folder = Path(page.file.abs_src_path).parent

    def replaced(match: re.Match[str]) -> str:
        target = (folder / match["target"]).resolve()
        if target.is_relative_to(config.docs_dir) or not target.is_relative_to(ROOT):
            return match[0]
        if not target.exists():
            _log.warning("%s links to %s, which is not there", page.file.src_path, match["target"])
        path = f"`{target.relative_to(ROOT)}`"
        return path if match["text"].strip("`") in path else f"{match['text']} ({path})"

    heading = markdown.lstrip().partition("\n")[0].lstrip("# ")
    return _LINK.sub(replaced, _CHART.sub(rf"\g<1>  accTitle: {heading}\n", markdown))


def _generated(environment: str, module: str) -> dict[str, str]:
    """Return the pages a generator prints.

    Raises:
        RuntimeError: it failed; the message has the end of what it said.
    """
    foreign = ("AIRFLOW", "AWS_", "EMBEDDED_AWS_", "HISTOFLOW_")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        [str(ENVIRONMENTS / environment / "bin" / "python"), "-m", module],
        env={
            **variables,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "include", ROOT / "plugins"))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module}: ended with code {done.returncode}, expected 0:\n{done.stderr[-2000:]}")
    pages: dict[str, str] = json.loads(done.stdout)
    return pages


def _expanded(nav: Any, known: list[str]) -> Any:
    """Replace patterns in the navigation by the pages they match, and leave out pages that do not exist.

    A page that exists and is not in the navigation fails a strict build, so a misspelling loses nothing.
    """
    if isinstance(nav, dict):
        return {title: _expanded(entry, known) for title, entry in nav.items()}
    if not isinstance(nav, list):
        return nav
    entries: list[Any] = []
    for entry in nav:
        target = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(target, list):
            entries.append(_expanded(entry, known))
        elif target.endswith("/*.md"):
            folder = target.removesuffix("*.md")
            entries += [path for path in known if path.startswith(folder)]
        elif target in known:
            entries.append(entry)
    return entries
