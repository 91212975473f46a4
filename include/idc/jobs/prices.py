"""What an hour of an instance costs: a small table with its date and source, or one of the user's own."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from idc.errors import ConfigurationError
from idc.settings import operation_settings

TABLE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Prices:
    """On-demand prices in `currency` an hour and instance, in `region`, as they were on `date`."""

    per_hour: Mapping[str, float]
    region: str
    date: str
    source: str
    currency: str

    @classmethod
    def read(cls, path: Path) -> Prices:
        """Read a table like prices.json.

        Raises:
            ConfigurationError: it is no such table.
        """
        try:
            found = json.loads(path.read_bytes())
            per_hour = {str(name): float(price) for name, price in found["per_hour"].items()}
            texts = {name: str(found[name]) for name in ("region", "date", "source", "currency")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            expected = "a table like include/idc/jobs/prices.json"
            raise ConfigurationError(
                "prices", path, repr(error), expected, "Correct HISTOFLOW_PRICES."
            ) from error
        return cls(per_hour, **texts)

    def __str__(self) -> str:
        """Return where and when these were the prices."""
        return f"{self.region}, {self.date}"


@functools.cache
def prices() -> Prices:
    """Return the prices to reckon with, read once per process.

    Raises:
        ConfigurationError: as `Prices.read`.
    """
    return Prices.read(operation_settings().prices or TABLE)
