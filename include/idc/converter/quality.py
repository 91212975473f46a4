"""What conversion found out about the patches: counts of everything, names of the first of a kind."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Counter as CounterOf, Dict, List, Mapping

from idc.converter.catalog import LISTED, Refused
from idc.converter.errors import TooManyQuarantined


@dataclass
class Quality:
    """Findings of one shard or of a whole dataset.

    `sizes` counts the patches of each size other than 50×50, which were `padded` or, if that was asked for,
    `excluded`; `identical` lists members whose bytes are the same though their patients differ.
    """

    patches_read: int = 0
    patches_used: int = 0
    padded: int = 0
    excluded: int = 0
    quarantined_count: int = 0
    quarantined: List[Refused] = field(default_factory=list)
    sizes: CounterOf[str] = field(default_factory=Counter)
    identical: List[List[str]] = field(default_factory=list)

    def quarantine(self, member: str, reason: str) -> None:
        """Record one refused patch."""
        self.quarantined_count += 1
        if len(self.quarantined) < LISTED:
            self.quarantined.append(Refused(member, reason))

    def add(self, other: Quality) -> None:
        """Take in the findings of another part."""
        self.patches_read += other.patches_read
        self.patches_used += other.patches_used
        self.padded += other.padded
        self.excluded += other.excluded
        self.quarantined_count += other.quarantined_count
        self.quarantined += other.quarantined[: LISTED - len(self.quarantined)]
        self.sizes.update(other.sizes)
        self.identical += other.identical

    def check(self, patches: int, limit: float) -> None:
        """Refuse to go on when more than this share of all `patches` is quarantined.

        Raises:
            TooManyQuarantined: with the first of them.
        """
        if self.quarantined_count > limit * patches:
            shown = "; ".join(f"{found.member} {found.reason}" for found in self.quarantined[:10])
            observed = f"{self.quarantined_count} of {patches} patches quarantined: {shown}"
            expected = f"at most a share of {limit:g}"
            raise TooManyQuarantined(
                "dataset", "quality", observed, expected, "Mend the archive or raise the limit."
            )

    def to_dict(self) -> Dict[str, Any]:
        """Return the findings as plain values."""
        return {
            "patches_read": self.patches_read,
            "patches_used": self.patches_used,
            "padded": self.padded,
            "excluded": self.excluded,
            "quarantined_count": self.quarantined_count,
            "quarantined": [{"member": found.member, "reason": found.reason} for found in self.quarantined],
            "sizes": dict(sorted(self.sizes.items())),
            "identical_across_patients": self.identical,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Quality:
        """Return the findings that `to_dict` wrote."""
        return cls(
            patches_read=found["patches_read"],
            patches_used=found["patches_used"],
            padded=found["padded"],
            excluded=found["excluded"],
            quarantined_count=found["quarantined_count"],
            quarantined=[Refused(**refused) for refused in found["quarantined"]],
            sizes=Counter(found["sizes"]),
            identical=found["identical_across_patients"],
        )

    def to_json(self) -> bytes:
        """Return quality.json."""
        return json.dumps({"format_version": 1, **self.to_dict()}, indent=1).encode()
