"""The pages of operators, hooks and triggers: one mkdocstrings directive a module that is there."""

from __future__ import annotations

from handbook.markdown import ROOT

_PAGES = {
    "operators": "What a DAG uses; every argument is by keyword.",
    "hooks": "The only modules that touch boto3.",
    "triggers": "What waits in the triggerer while no worker does.",
}


def pages() -> dict[str, str]:
    """Return a page per kind."""
    return {f"reference/{kind}.md": _page(kind, about) for kind, about in _PAGES.items()}


def _page(kind: str, about: str) -> str:
    folder = ROOT / "plugins" / "histoflow" / kind
    modules = [path.stem for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    directives = [f"::: histoflow.{kind}.{name}" for name in modules]
    return "\n\n".join((f"# {kind.capitalize()}", about, *directives))
