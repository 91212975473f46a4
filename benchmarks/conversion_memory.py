"""Measure the converter's memory for 10,000, 50,000 and 250,000 patches, every member twice."""

from __future__ import annotations

import tempfile
from pathlib import Path

from conversion import convert
from measuring import archives, show, verdict

SIZES = (10_000, 50_000, 250_000)
FLAT = 0.20


def main() -> None:
    members = archives.painted()
    rows, peaks = [], []
    for patches in SIZES:
        with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as name:
            folder, archive = Path(name), Path(name) / "archive.zip"
            archives.write_large(archive, members, patches)
            size_mb = archive.stat().st_size / 2**20
            result = convert(archive, folder, "formats")
        peaks.append(result["peak_mb"])
        rate = result["patches"] / result["seconds"]
        rows.append([f"{patches:,}", f"{size_mb:,.0f}", f"{result['peak_mb']:.0f}", f"{rate:,.0f}"])
    head = ["patches", "archive MB", "peak MB", "patches a CPU second"]
    show("Memory of archive → both formats", head, rows)
    print(f"ratio: {max(peaks) / min(peaks):.2f} times the smallest")
    verdict(f"peak memory within {FLAT:.0%}", max(peaks) <= (1 + FLAT) * min(peaks))


if __name__ == "__main__":
    main()
