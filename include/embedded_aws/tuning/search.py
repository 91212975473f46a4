"""One search: proposes values for the next job and finds running jobs to stop.

It uses Optuna's ask and tell. A search keeps nothing that the store does not: after a restart it is
rebuilt from the recorded trials and continues.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from embedded_aws.tuning import ranges
from embedded_aws.tuning.ranges import Range

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

REDUCTION_FACTOR = 3  # Hyperband keeps one job of three at each rung
RANDOM_STARTS = 5  # as many jobs of a Bayesian search are drawn before the first model
LARGEST_SEED = 2**32


class Search:
    """The jobs of one training job definition, by number, as Optuna sees them."""

    def __init__(
        self,
        name: str,
        own_ranges: Sequence[Range],
        *,
        strategy: str,
        seed: int,
        is_maximized: bool,
        resources: tuple[int, int] | None = None,
    ) -> None:
        """Begin a search; `resources` are Hyperband's least and most epochs of a job."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._ranges = list(own_ranges)
        self._strategy, self._seed = strategy, seed
        self._study = optuna.create_study(
            study_name=name,
            direction="maximize" if is_maximized else "minimize",
            sampler=self._sampler(0),
            pruner=_pruner(resources),
        )
        self._numbers: dict[int, int] = {}  # the job's number → the trial's
        self._steps: dict[int, int] = {}
        self._is_unpromising: set[int] = set()

    def ask(self, number: int) -> dict[str, str]:
        """The values for the job of this number, which has begun from now on."""
        if self._strategy == "Grid":
            values = next(itertools.islice(ranges.grid(self._ranges), len(self._numbers), None))
            self.add(number, values)
            return values
        self._study.sampler = self._sampler(number)
        trial = self._study.ask({item.name: item.distribution() for item in self._ranges})
        self._numbers[number] = trial.number
        return {item.name: item.text(trial.params[item.name]) for item in self._ranges}

    def add(self, number: int, values: Mapping[str, str]) -> None:
        """Take in a job that has begun before."""
        import optuna

        self._numbers[number] = len(self._study.trials)
        self._study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING,
                params=ranges.points(self._ranges, values) or {},
                distributions=self._distributions(values),
            )
        )

    def learn(self, values: Mapping[str, str], objective: float) -> None:
        """Take in a job of an earlier search, if its values are within these ranges."""
        import optuna

        points = ranges.points(self._ranges, values)
        if points is not None:
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=points, distributions=self._distributions(values), value=objective
                )
            )

    def report(self, number: int, objectives: Sequence[float]) -> bool:
        """Take in a running job's objective so far, one value an epoch; tell whether it should be stopped."""
        import optuna

        trial = optuna.trial.Trial(self._study, self._numbers[number])
        for step in range(self._steps.get(number, 0), len(objectives)):
            trial.report(objectives[step], step + 1)
            if trial.should_prune():
                self._is_unpromising.add(number)
        self._steps[number] = len(objectives)
        return number in self._is_unpromising

    def tell(self, number: int, objective: float | None) -> None:
        """Take in a job's final objective, None if it has none."""
        import optuna

        trial = self._numbers[number]
        if objective is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif number in self._is_unpromising:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, objective)

    def _distributions(self, values: Mapping[str, str]) -> dict[str, Any]:
        known = ranges.points(self._ranges, values)
        return {} if known is None else {item.name: item.distribution() for item in self._ranges}

    def _sampler(self, number: int) -> BaseSampler:
        """Seeded by the job's number, so that a search that was interrupted goes on as it would have."""
        import optuna

        seed = (self._seed + number) % LARGEST_SEED
        if self._strategy == "Random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(
            seed=seed, multivariate=True, constant_liar=True, n_startup_trials=RANDOM_STARTS
        )


def _pruner(resources: tuple[int, int] | None) -> BasePruner:
    import optuna

    if resources is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.HyperbandPruner(*resources, reduction_factor=REDUCTION_FACTOR)
