"""Searches: better than chance, and the same after an interruption."""

from __future__ import annotations

import statistics

from embedded_aws.tuning import ranges
from embedded_aws.tuning.search import Search

REQUEST = {
    "ContinuousParameterRanges": [
        {"Name": "x", "MinValue": "0", "MaxValue": "1"},
        {"Name": "y", "MinValue": "0.0001", "MaxValue": "1", "ScalingType": "Logarithmic"},
    ]
}


def search(strategy: str = "Bayesian", seed: int = 1, resources: tuple[int, int] | None = None) -> Search:
    return Search(
        "test",
        ranges.parse(REQUEST),
        strategy=strategy,
        seed=seed,
        is_maximized=True,
        resources=resources,
    )


def score(values: dict[str, str]) -> float:
    return -((float(values["x"]) - 0.3) ** 2) - (float(values["y"]) - 0.01) ** 2


def run(own: Search, count: int) -> list[dict[str, str]]:
    found = []
    for number in range(1, count + 1):
        found.append(own.ask(number))
        own.tell(number, score(found[-1]))
    return found


def test_an_interrupted_search_goes_on_as_it_would_have() -> None:
    whole = run(search(), 12)
    again = search()
    for number, values in enumerate(whole[:8], 1):
        again.add(number, values)
        again.tell(number, score(values))
    rest = []
    for number in range(9, 13):
        rest.append(again.ask(number))
        again.tell(number, score(rest[-1]))
    assert rest == whole[8:]


def test_jobs_under_way_are_kept_apart() -> None:
    own = search()
    run(own, 8)
    asked = [own.ask(number) for number in range(9, 13)]
    assert len({values["x"] for values in asked}) == 4


def test_a_failed_job_teaches_nothing_and_breaks_nothing() -> None:
    own = search()
    own.ask(1)
    own.tell(1, None)
    assert set(own.ask(2)) == {"x", "y"}


def test_what_parents_found_is_used() -> None:
    parent = run(search(seed=5), 60)
    own, fresh = search(), search()
    for values in parent:
        own.learn(values, score(values))
    own.learn({"x": "7", "y": "0.01"}, 9.0)  # outside the range
    own.learn({"x": "0.3"}, 9.0)  # without one of the hyperparameters
    warm, cold = (statistics.fmean(map(score, run(one, 10))) for one in (own, fresh))
    assert warm > cold / 3


def test_hyperband_gives_up_on_the_worst() -> None:
    own = search("Hyperband", resources=(1, 9))
    stopped = set()
    for number in range(1, 21):
        own.ask(number)
        quality = -1.0 if number % 2 else 1.0
        for epochs in range(1, 10):
            if own.report(number, [quality] * epochs):
                stopped.add(number)
                break
        own.tell(number, quality)
    assert len(stopped) > 2
    assert all(number % 2 for number in stopped)
