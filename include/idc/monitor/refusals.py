"""What could not be taken in: all of it counted, the first of it named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LISTED = 20
LONGEST = 200


@dataclass
class Refusals:
    """Lines or objects that are not what they should be."""

    count: int = 0
    listed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, where: str, why: object) -> None:
        """Take down one, by its address and what is wrong with it."""
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append((where, " ".join(str(why).split())[:LONGEST]))

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain values."""
        return {"count": self.count, "listed": [{"where": at, "why": why} for at, why in self.listed]}
