"""The tuner: moves all tuning jobs forward; runs in the controller.

All decisions rest on the store. The searches in memory are rebuilt from the recorded trials when the
controller restarts.
"""

from __future__ import annotations

import sqlite3
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from embedded_aws.settings import Settings
from embedded_aws.store.kinds import TRAINING_JOB, TUNING_JOB, arn
from embedded_aws.store.resources import Document, Row, Store
from embedded_aws.training.training_states import STATES as TRAINING_STATES
from embedded_aws.tuning import early_stopping, parents, progress, trials
from embedded_aws.tuning.definitions import Definition, definitions
from embedded_aws.tuning.progress import best
from embedded_aws.tuning.ranges import grid_size
from embedded_aws.tuning.search import Search
from embedded_aws.tuning.trials import Trial
from embedded_aws.tuning.tuning_states import STATES

LEAST_RESOURCE = 1
DEFAULT_MOST_RESOURCE = 27
JOBS_WITHOUT_OBJECTIVE = 5
JOBS_UNTIL_CONVERGENCE = 10  # ended since the best one; the service does not tell its own rule
NO_OBJECTIVE = (
    f"No objective metrics found after running {JOBS_WITHOUT_OBJECTIVE} training jobs. Please ensure that "
    "the custom algorithm is emitting the objective metric as defined by the regular expression provided."
)
NONE_SUCCEEDED = "No training job succeeded. The first one: {reason}"


@dataclass
class Tuning:
    """A tuning job in hand: its searches by definition, and which trials they know the end of."""

    document: Document
    definitions: list[Definition]
    searches: dict[str, Search]
    told: set[int] = field(default_factory=set)

    def definition_of(self, trial: Trial) -> Definition:
        """The training job definition a trial was made from."""
        return next(own for own in self.definitions if own.name == trial.definition)


class Tuner:
    """Starts, stops and counts the training jobs of tuning jobs."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._in_hand: dict[str, Tuning] = {}

    def advance(self) -> None:
        """Move every tuning job that has not ended; one that cannot be moved fails."""
        rows = self._store.with_status(TUNING_JOB, "InProgress", "Stopping")
        for row in rows:
            try:
                if row.arn not in self._in_hand:
                    self._in_hand[row.arn] = self._take_up(row.document)
                self._in_hand[row.arn].document = row.document
                self._advance(self._in_hand[row.arn])
            except sqlite3.Error:
                raise  # the store is busy: the next round may go well
            except Exception as error:  # noqa: BLE001 - whatever it is, the job must not stay InProgress
                traceback.print_exc()
                self._give_up(row, f"{type(error).__name__}: {error}")
        for gone in set(self._in_hand) - {row.arn for row in rows}:
            del self._in_hand[gone]

    def _take_up(self, document: Document) -> Tuning:
        """Make the searches of a tuning job, with all that is on record of it."""
        own = definitions(document)
        tuning = Tuning(document, own, {definition.name: _search(document, definition) for definition in own})
        for definition in own:
            for values, objective in parents.lessons(self._store, document, definition):
                tuning.searches[definition.name].learn(values, objective)
        for trial in trials.read(self._store, document, own):
            search = tuning.searches[trial.definition]
            search.add(trial.number, trial.values)
            if _is_hyperband(document):
                search.report(trial.number, self._objectives(tuning, trial))
        return tuning

    def _advance(self, tuning: Tuning) -> None:
        found = trials.read(self._store, tuning.document, tuning.definitions)
        for trial in found:
            if trial.is_final and not trial.is_settled:
                trials.settle(self._store, tuning.document, trial)
            if trial.is_final and trial.number not in tuning.told:
                tuning.searches[trial.definition].tell(trial.number, trial.objective)
                tuning.told.add(trial.number)
        running = [trial for trial in found if not trial.is_final]
        ending = _ending(tuning, found, running)
        if ending is not None:
            self._wind_up(tuning, running, *ending)
            return
        for trial in running:
            if self._is_unpromising(tuning, trial, found):
                self._stop(trial.name)
        self._launch(tuning, found, len(running))

    def _give_up(self, row: Row, message: str) -> None:
        """Fail a tuning job that cannot be moved, and stop its training jobs."""
        for name in trials.job_names(self._store, row.arn):
            self._stop(name)
        self._end(row.name, lambda own, now: STATES.fault(own, message, now))

    def _wind_up(self, tuning: Tuning, running: list[Trial], status: str, reason: str) -> None:
        """Stop what runs; once nothing does, end the tuning job. What was decided stays decided."""
        name = tuning.document["HyperParameterTuningJobName"]
        if running:
            if "_ending" not in tuning.document:
                self._store.update(TUNING_JOB, name, lambda own: own.update(_ending=[status, reason]))
            for trial in running:
                self._stop(trial.name)
        elif status == "Failed":
            self._end(name, lambda own, now: STATES.fail(own, reason, now))
        else:
            self._end(name, STATES.complete if status == "Completed" else STATES.stop)

    def _launch(self, tuning: Tuning, found: list[Trial], running: int) -> None:
        """Start as many jobs as there may be at once, the definitions taking turns."""
        limits = tuning.document["HyperParameterTuningJobConfig"]["ResourceLimits"]
        last = min(
            len(found) + limits["MaxParallelTrainingJobs"] - running,
            job_count(tuning.document, tuning.definitions),
        )
        counts = {
            own.name: sum(trial.definition == own.name for trial in found) for own in tuning.definitions
        }
        for number in range(len(found) + 1, last + 1):
            definition = _whose_turn(tuning, counts)
            counts[definition.name] += 1
            tuned = tuning.searches[definition.name].ask(number)
            if not trials.add(
                self._store, tuning.document, definition, number, self._job(tuning, definition, number, tuned)
            ):
                raise RuntimeError(f"a training job named {self._name(tuning, number)} exists already")

    def _job(self, tuning: Tuning, definition: Definition, number: int, tuned: dict[str, str]) -> Document:
        name = self._name(tuning, number)
        own_arn = arn(self._settings, TRAINING_JOB, name)
        job = TRAINING_STATES.new(definition.request(name, tuned), own_arn, round(time.time(), 3))
        return {**job, "TuningJobArn": tuning.document["HyperParameterTuningJobArn"], "_tuned": tuned}

    def _is_unpromising(self, tuning: Tuning, trial: Trial, found: list[Trial]) -> bool:
        """Whether a running job is not worth its time, by the strategy's or by early stopping's rule."""
        if _is_hyperband(tuning.document):
            return tuning.searches[trial.definition].report(trial.number, self._objectives(tuning, trial))
        if tuning.document["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Off":
            return False
        previous = [
            self._objectives(tuning, other)
            for other in found
            if other.definition == trial.definition and other.objective is not None
        ]
        is_maximized = tuning.definition_of(trial).is_maximized
        return early_stopping.is_unpromising(self._objectives(tuning, trial), previous, is_maximized)

    def _objectives(self, tuning: Tuning, trial: Trial) -> list[float]:
        return trials.objectives(self._store, trial, tuning.definition_of(trial))

    def _stop(self, name: str) -> None:
        def change(document: Document) -> None:
            if not TRAINING_STATES.is_final(document) and not TRAINING_STATES.is_stopping(document):
                TRAINING_STATES.ask_to_stop(document, time.time())

        self._store.update(TRAINING_JOB, name, change)

    def _end(self, name: str, ending: Callable[[Document, float], None]) -> None:
        def change(document: Document) -> None:
            if not STATES.is_final(document):
                ending(document, time.time())

        self._store.update(TUNING_JOB, name, change)

    def _name(self, tuning: Tuning, number: int) -> str:
        return trials.job_name(tuning.document["HyperParameterTuningJobName"], number)


def job_count(document: Document, own: list[Definition]) -> int:
    """How many training jobs a tuning job runs at most; a grid has an end of its own."""
    config = document["HyperParameterTuningJobConfig"]
    limit = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] != "Grid":
        return int(limit)
    combinations = sum(grid_size(definition.ranges) for definition in own)
    return combinations if limit is None else min(int(limit), combinations)


def hyperband_resources(document: Document, definition: Definition) -> tuple[int, int] | None:
    """Hyperband's least and most epochs of a job, None for other strategies."""
    if not _is_hyperband(document):
        return None
    own = (
        document["HyperParameterTuningJobConfig"].get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    )
    epochs = definition.static.get("epochs", "").strip('"')
    most = int(epochs) if epochs.isdecimal() else DEFAULT_MOST_RESOURCE
    return own.get("MinResource", LEAST_RESOURCE), own.get("MaxResource", most)


def _is_hyperband(document: Document) -> bool:
    return bool(document["HyperParameterTuningJobConfig"]["Strategy"] == "Hyperband")


def _search(document: Document, definition: Definition) -> Search:
    config = document["HyperParameterTuningJobConfig"]
    tuning_arn = document["HyperParameterTuningJobArn"]
    return Search(
        f"{tuning_arn}/{definition.name}",
        definition.ranges,
        strategy=config["Strategy"],
        seed=config.get("RandomSeed", document["_seed"]),
        is_maximized=definition.is_maximized,
        resources=hyperband_resources(document, definition),
    )


def _whose_turn(tuning: Tuning, counts: dict[str, int]) -> Definition:
    """The definition with the fewest jobs; one whose grid is used up is passed over."""
    is_grid = tuning.document["HyperParameterTuningJobConfig"]["Strategy"] == "Grid"
    left = [own for own in tuning.definitions if not is_grid or counts[own.name] < grid_size(own.ranges)]
    return min(left, key=lambda own: counts[own.name])


def _ending(tuning: Tuning, found: list[Trial], running: list[Trial]) -> tuple[str, str] | None:
    """The status the tuning job should end with, and why if it fails; None as long as it goes on."""
    document = tuning.document
    if document["HyperParameterTuningJobStatus"] == "Stopping":
        return "Stopped", ""
    if "_ending" in document:
        status, reason = document["_ending"]
        return status, reason
    completed = [trial for trial in found if trial.status == "Completed"]
    is_silent = all(trial.objective is None for trial in found)
    if is_silent and len(completed) >= JOBS_WITHOUT_OBJECTIVE:
        return "Failed", NO_OBJECTIVE
    if time.time() - document["CreationTime"] > STATES.max_runtime_s(document):
        return "Stopped", ""
    if _has_met_criteria(tuning, found):
        return "Completed", ""
    if running or len(found) < job_count(document, tuning.definitions):
        return None
    if not is_silent:
        return "Completed", ""
    first = found[0].summary.get("FailureReason", "it completed without the objective metric")
    return "Failed", NONE_SUCCEEDED.format(reason=first)


def _has_met_criteria(tuning: Tuning, found: list[Trial]) -> bool:
    """Whether one of the completion criteria is met."""
    criteria = tuning.document["HyperParameterTuningJobConfig"].get("TuningJobCompletionCriteria", {})
    is_maximized = tuning.definitions[0].is_maximized
    leader = best(found, is_maximized=is_maximized)
    if leader is None or leader.objective is None:
        return False
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and (leader.objective >= target if is_maximized else leader.objective <= target):
        return True
    since = progress.not_improving(found, is_maximized=is_maximized)
    most = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
    if most is not None and since >= most:
        return True
    is_enabled = criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled"
    return is_enabled and since >= JOBS_UNTIL_CONVERGENCE
