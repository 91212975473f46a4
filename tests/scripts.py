"""Training scripts as a container finds them: those of a framework and the shared ones, in one folder."""

from __future__ import annotations

from pathlib import Path

from idc.jobs.source import training_source


def gathered(framework: str, folder: Path) -> Path:
    """Write the scripts of `framework` to `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in training_source(framework).files.items():
        (folder / path).write_bytes(content)
    return folder
