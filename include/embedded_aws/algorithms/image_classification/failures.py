"""What the algorithm calls its user's mistake, and how the platform is told of it."""

from __future__ import annotations

from pathlib import Path


class CustomerError(Exception):
    """The request or its data is not as the algorithm needs it."""

    def __init__(self, subject: str, observed: object, expected: str, action: str) -> None:
        super().__init__(f"{subject}: {observed}, expected {expected}. {action}")


def write_failure(base: Path, message: str) -> None:
    """Write the failure file, complete or not at all."""
    target = base / "output/failure"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name("failure.partial")
    draft.write_text(message, encoding="utf-8")
    draft.replace(target)
