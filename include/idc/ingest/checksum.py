"""Compute the checksums of a stream: its SHA-256, and the sum its source announced."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


class Checksum:
    """SHA-256 and size of the bytes passed to it, and the sum its source announced."""

    def __init__(self, announced: Mapping[str, str]) -> None:
        """Compare with `announced`, hexadecimal sums by name; compute `crc32c` only without an `md5`."""
        self.size_bytes = 0
        self._announced = announced
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5()  # noqa: S324  (what Google's storage announces; SHA-256 is what is kept)
        self._crc32c = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 so far, in hexadecimal."""
        return self._sha256.hexdigest()

    def update(self, block: bytes) -> None:
        """Add the next bytes."""
        self.size_bytes += len(block)
        self._sha256.update(block)
        if "md5" in self._announced:
            self._md5.update(block)
        elif "crc32c" in self._announced:
            import crc32c  # at home only: containers make snapshots of nothing

            self._crc32c = crc32c.crc32c(block, self._crc32c)

    def mismatch(self, size_bytes: int | None) -> tuple[str, str] | None:
        """Return the observed and the announced value if they differ, else None."""
        if size_bytes is not None and size_bytes != self.size_bytes:
            return f"{self.size_bytes} bytes came", f"{size_bytes} as announced"
        found = {"md5": self._md5.hexdigest(), "crc32c": f"{self._crc32c:08x}"}
        for name in ("md5", "crc32c"):
            if name in self._announced:
                if found[name] == self._announced[name]:
                    return None
                return f"has {name} {found[name]}", f"{self._announced[name]} as announced"
        return None
