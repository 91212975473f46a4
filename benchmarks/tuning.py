"""Compare Bayesian with random search and with Optuna itself, at the same budget, on test functions.

The embedded SageMaker's search is asked and told as its tuner does: two jobs at a time, 40 in all. What is
compared is the regret, the distance from the function's known minimum, as the median of 20 seeds.
Functions: https://www.sfu.ca/~ssurjano/branin.html and https://www.sfu.ca/~ssurjano/hart6.html
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import optuna
from measuring import show, verdict

from embedded_aws.tuning import ranges
from embedded_aws.tuning.search import Search

SEEDS = range(20)
JOBS, AT_ONCE = 40, 2
HARTMANN_WEIGHTS = (1.0, 1.2, 3.0, 3.2)
HARTMANN_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
HARTMANN_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)
Function = Callable[[Sequence[float]], float]
Bounds = Mapping[str, tuple[float, float]]


def branin(point: Sequence[float]) -> float:
    """Branin's function of two variables; its minimum is 0.397887."""
    x, y = point
    b, c, t = 5.1 / (4 * math.pi**2), 5 / math.pi, 1 / (8 * math.pi)
    return (y - b * x**2 + c * x - 6) ** 2 + 10 * (1 - t) * math.cos(x) + 10


def hartmann(point: Sequence[float]) -> float:
    """Hartmann's function of six variables; its minimum is -3.32237."""
    total = 0.0
    for weight, a, p in zip(HARTMANN_WEIGHTS, HARTMANN_A, HARTMANN_P, strict=True):
        total -= weight * math.exp(-sum(k * (x - q) ** 2 for k, x, q in zip(a, point, p, strict=True)))
    return total


FUNCTIONS: dict[str, tuple[Function, Bounds, float]] = {
    "Branin": (branin, {"x1": (-5.0, 10.0), "x2": (0.0, 15.0)}, 0.397887),
    "Hartmann 6": (hartmann, {f"x{n}": (0.0, 1.0) for n in range(1, 7)}, -3.32237),
}


def ours(strategy: str, function: Function, bounds: Bounds, seed: int) -> float:
    """The least value found by the embedded SageMaker's search."""
    request = {
        "ContinuousParameterRanges": [
            {"Name": name, "MinValue": repr(low), "MaxValue": repr(high), "ScalingType": "Linear"}
            for name, (low, high) in bounds.items()
        ]
    }
    # Seeds are far apart: a job's own number is added to them.
    search = Search(
        "benchmark", ranges.parse(request), strategy=strategy, seed=1000 * seed, is_maximized=False
    )
    found = []
    for first in range(1, JOBS + 1, AT_ONCE):
        asked = {number: search.ask(number) for number in range(first, first + AT_ONCE)}
        for number, values in asked.items():
            found.append(function([float(values[name]) for name in bounds]))
            search.tell(number, found[-1])
    return min(found)


def librarys(function: Function, bounds: Bounds, seed: int) -> float:
    """The least value found by Optuna as it comes, one job at a time."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(
        lambda trial: function([trial.suggest_float(name, *pair) for name, pair in bounds.items()]),
        n_trials=JOBS,
    )
    return float(study.best_value)


def main() -> None:
    """Search on every function with every seed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name, (function, bounds, minimum) in FUNCTIONS.items():
        regrets = {
            "Random": [ours("Random", function, bounds, seed) - minimum for seed in SEEDS],
            "Bayesian": [ours("Bayesian", function, bounds, seed) - minimum for seed in SEEDS],
            "Optuna's TPE, one at a time": [librarys(function, bounds, seed) - minimum for seed in SEEDS],
        }
        medians = {label: statistics.median(values) for label, values in regrets.items()}
        show(
            f"{name}: {JOBS} jobs, median of {len(SEEDS)} seeds",
            ["search", "regret", "of random's"],
            [[label, f"{value:.4f}", f"{value / medians['Random']:.2f}"] for label, value in medians.items()],
        )
        verdict(f"{name}: Bayesian beats Random", medians["Bayesian"] < medians["Random"])


if __name__ == "__main__":
    main()
