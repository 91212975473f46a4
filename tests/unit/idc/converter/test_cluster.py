"""Every shard has one instance, and the instances have about as many bytes each."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from idc.converter.cluster import Cluster, read_cluster
from idc.errors import ConfigurationError


def clusters(count: int) -> list[Cluster]:
    hosts = tuple(f"algo-{number}" for number in range(1, count + 1))
    return [Cluster(host, hosts) for host in hosts]


@given(st.lists(st.integers(min_value=0, max_value=1 << 30), max_size=60), st.integers(1, 32))
def test_work_is_shared_out_whole_and_evenly(sizes: list[int], count: int) -> None:
    shares = [cluster.own(sizes) for cluster in clusters(count)]
    assert sorted(position for share in shares for position in share) == list(range(len(sizes)))
    loads = [sum(sizes[position] for position in share) for share in shares]
    assert max(loads) - min(loads) <= max(sizes, default=0)


def test_a_job_says_which_instance_this_is(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text('{"current_host": "algo-2", "hosts": ["algo-10", "algo-1", "algo-2"]}')
    found = read_cluster(str(path))
    assert found == Cluster("algo-2", ("algo-1", "algo-2", "algo-10"))
    assert not found.is_first


def test_outside_a_job_there_is_one_instance(tmp_path: Path) -> None:
    found = read_cluster(str(tmp_path / "absent.json"))
    assert found == Cluster()
    assert found.is_first
    assert found.own([5, 6]) == [0, 1]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"current_host": "a", "hosts": ["b"]}', '{"current_host": "a", "hosts": ["a", "a"]}'],
)
def test_a_file_that_says_nothing_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"resourceconfig\.json"):
        read_cluster(str(path))
