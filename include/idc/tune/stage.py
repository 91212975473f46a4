"""The stage dataset → tuned candidates: a search a variant, its page, and the defaults of what is next."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from idc import layout
from idc.jobs.progress import definitions
from idc.jobs.spec import prefix_of
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates, defaults
from idc.train.defaults import Tuned
from idc.train.options import TrainingOptions
from idc.train.results import trained_candidate
from idc.train.stage import verified_dataset
from idc.tune import request as tuning
from idc.tune.ranges import check_names
from idc.tune.request import TuningOptions
from idc.tune.trials import Trial, TuningResult, as_csv
from idc.variants.all import VARIANTS, variant

# A month: a tuning job's 32 characters have no room for more, or for the DAG's id, beside the variant.
_PARTITION_CHARACTERS = len("2026-11")

log = logging.getLogger(__name__)


def plan(
    store: ObjectStore,
    settings: Settings,
    *,
    partition: str,
    options: TuningOptions,
    training: TrainingOptions,
) -> list[dict[str, Any]]:
    """Return a search for each variant: the training job that it varies, and how.

    What is not searched is as `training` says, without what was tuned before: the same options are the same
    search. Every file of the dataset is read back first.

    Raises:
        MissingObject: the partition has no dataset.
        CorruptShard: names the file of the dataset that is not what the index says.
        ConfigurationError: the options do not go together.
    """
    check_names(options.ranges, (one for known in VARIANTS.values() for one in known.ranges))
    searches = {name: tuning.search(options, variant(name)) for name in options.variants}
    if options.epochs is not None:
        training = replace(training, asked={name: {"epochs": options.epochs} for name in searches})
    index = verified_dataset(store, partition)
    planned = []
    for name, search in searches.items():
        hyperparameters = training.hyperparameters(name, is_synthetic=index.synthetic)
        job = variant(name).training_plan(store, settings, index, hyperparameters)
        config = search["HyperParameterTuningJobConfig"]
        log.info("%s: %s over %s", name, config["Strategy"], ", ".join(_searched(config)))
        planned.append(
            {
                "variant": name,
                "dataset_digest": index.dataset_digest,
                "synthetic": index.synthetic,
                "prefix": prefix_of("", partition[:_PARTITION_CHARACTERS], name),
                "plan": job.to_dict(),
                "search": search,
            }
        )
    return planned


def report(
    store: ObjectStore, job: str, trials: Sequence[Trial], *, best: Trial, about: Mapping[str, Any]
) -> str:
    """Write the tables, charts and page of a tuning job; return the URI of the table of all its trials.

    `about` is the job's specification, which may name the variant and say whether the data are generated.
    """
    from idc.tune.report import build

    made = build(
        job,
        trials,
        best=best,
        ranges=ranges_of(about["request"]),
        is_maximized=is_maximized(about["request"]),
        variant=about.get("variant", ""),
        is_synthetic=about.get("synthetic", False),
    )
    table = layout.trials(job)
    candidates.write_json(store, table, {"job": job, "trials": [asdict(trial) for trial in trials]})
    store.put(layout.trials(job, "csv"), as_csv(trials))
    for name, picture in made.pictures.items():
        store.put(layout.tuning_picture(job, name), picture)
    store.put(layout.tuning_page(job), made.html)  # last: it says that the rest is there
    log.info("Page %s", store.uri(layout.tuning_page(job)))
    return store.uri(table)


def is_maximized(request: Mapping[str, Any]) -> bool:
    """Return whether the largest objective is the best; several definitions agree on it."""
    own = request["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    several = [one.get("TuningObjective") for one in definitions(request)]
    [kind, *_] = [one["Type"] for one in (own, *several) if one]
    return bool(kind == "Maximize")


def ranges_of(request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the numeric ranges of a tuning request by hyperparameter, the first definition's of a name."""
    config = request["HyperParameterTuningJobConfig"]
    several = [one.get("HyperParameterRanges", {}) for one in definitions(request)]
    found: dict[str, dict[str, Any]] = {}
    for ranges in [config.get("ParameterRanges", {}), *several]:
        for member in ("IntegerParameterRanges", "ContinuousParameterRanges"):
            for one in ranges.get(member, []):
                found.setdefault(one["Name"], dict(one))
    return found


def record(
    store: ObjectStore,
    *,
    partition: str,
    planned: Iterable[Mapping[str, Any]],
    jobs: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Make each search's best model the variant's candidate, and its values the next training's defaults."""
    facts = []
    for plan, job in zip(planned, jobs, strict=True):
        result = TuningResult.from_dict(job)
        candidate = trained_candidate(
            store,
            partition=partition,
            planned=_trained(plan, result),
            job=_best(result),
            tuning_job=result.job,
        )
        candidates.write_candidate(store, candidate)
        found = _tuned(partition, plan, result)
        defaults.write(store, candidate.variant, defaults.read(store, candidate.variant).followed_by(found))
        log.info("Candidate %s of %s: %s", candidate.variant, partition, candidate.model_data)
        where = store.uri(layout.tuned_defaults(candidate.variant))
        log.info("The next training of %s takes %s (%s)", candidate.variant, found.hyperparameters, where)
        facts.append(
            {
                "variant": candidate.variant,
                "job": result.best_job,
                "model_sha256": candidate.model_sha256,
                "tuning_job": result.job,
                result.metric: result.objective,
            }
        )
    return facts


def revert(store: ObjectStore, variants: Iterable[str], *, by: str) -> None:
    """Give each variant the default hyperparameters back that it had before its last tuning.

    `by` names the run that asks: it takes back one tuning, however often it is tried.
    """
    for name in variants:
        before = defaults.read(store, name)
        after = before.reverted(by)
        defaults.write(store, name, after)
        now = after.current.hyperparameters if after.current else "what the settings say"
        log.info("%s: from %s back to %s", name, before.current and before.current.tuning_job, now)


def _searched(config: Mapping[str, Any]) -> list[str]:
    return tuning.range_names(config["ParameterRanges"])


def _trained(plan: Mapping[str, Any], result: TuningResult) -> dict[str, Any]:
    return {**plan, "request": {"HyperParameters": result.hyperparameters}}


def _best(result: TuningResult) -> dict[str, Any]:
    return {
        "job": result.best_job,
        "model_data": result.model_data,
        "run_s": result.best_run_s,
        "metrics": result.metrics,
    }


def _tuned(partition: str, plan: Mapping[str, Any], result: TuningResult) -> Tuned:
    is_script = variant(plan["variant"]).is_script
    return Tuned(
        tuning_job=result.job,
        training_job=result.best_job,
        partition=partition,
        dataset_digest=plan["dataset_digest"],
        synthetic=plan["synthetic"],
        metric=result.metric,
        objective=result.objective,
        hyperparameters=tuning.plain_values(result.values, is_script=is_script),
    )
