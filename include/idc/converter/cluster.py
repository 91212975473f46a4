"""The instances of a conversion's job, and which of them makes which shards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

from idc.converter.errors import ConfigurationError


@dataclass(frozen=True)
class Cluster:
    """This instance's host name, and those of all instances."""

    host: str = "algo-1"
    hosts: Tuple[str, ...] = ("algo-1",)

    @property
    def is_first(self) -> bool:
        """Whether this is the instance that does what only one needs to do."""
        return self.host == self.hosts[0]

    def own(self, sizes: Sequence[int]) -> List[int]:
        """Return the positions in `sizes` that this instance takes, about equal bytes for each.

        The largest goes first, each to the instance that has least so far.
        """
        loads = [0] * len(self.hosts)
        own = []
        for position in sorted(range(len(sizes)), key=lambda at: (-sizes[at], at)):
            number = loads.index(min(loads))
            loads[number] += sizes[position]
            if self.hosts[number] == self.host:
                own.append(position)
        return sorted(own)


def read_cluster(path: str) -> Cluster:
    """Return the cluster that a job's resourceconfig.json tells of; without the file, one instance.

    Raises:
        ConfigurationError: the file is not one.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        host = str(found["current_host"])
        hosts = tuple(sorted(map(str, found["hosts"]), key=lambda name: (len(name), name)))
    except FileNotFoundError:
        return Cluster()
    except (OSError, ValueError, KeyError, TypeError) as error:
        expected = "current_host and hosts"
        raise ConfigurationError(
            "resources", path, f"not readable ({error})", expected, "Correct it."
        ) from error
    if host not in hosts or len(set(hosts)) != len(hosts):
        raise ConfigurationError("resources", path, f"host {host} of {hosts}", "one of them", "Correct it.")
    return Cluster(host, hosts)
