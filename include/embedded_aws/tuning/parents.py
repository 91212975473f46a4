"""Warm start: observations from earlier tuning jobs (parents).

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

from collections.abc import Iterator

from embedded_aws.store.kinds import TUNING_JOB
from embedded_aws.store.resources import Document, Store
from embedded_aws.tuning import trials
from embedded_aws.tuning.definitions import Definition, definitions
from embedded_aws.tuning.trials import Trial


def names(document: Document) -> list[str]:
    """The names of a tuning job's parents."""
    config = document.get("WarmStartConfig", {})
    return [own["HyperParameterTuningJobName"] for own in config.get("ParentHyperParameterTuningJobs", [])]


def trials_of(store: Store, document: Document) -> Iterator[tuple[Definition, Trial]]:
    """The trials of all parents that are still on record, each with its definition."""
    for name in names(document):
        parent = store.get(TUNING_JOB, name)
        if parent is None:
            continue
        own = definitions(parent)
        by_name = {definition.name: definition for definition in own}
        for trial in trials.read(store, parent, own):
            yield by_name[trial.definition], trial


def lessons(
    store: Store, document: Document, definition: Definition
) -> Iterator[tuple[dict[str, str], float]]:
    """Values and objectives of the parents' jobs that a search of `definition` can learn from.

    Hyperparameters that were static in the parent and are searched now count with their static value.
    """
    for parent, trial in trials_of(store, document):
        if trial.objective is not None and parent.objective == definition.objective:
            yield {**parent.static, **trial.values}, trial.objective
