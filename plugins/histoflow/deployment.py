"""What the tasks of `idc_deploy` and `idc_rollback` do: AWS through hooks, everything else in the library."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from airflow.sdk import Asset

from histoflow import runs
from histoflow.hooks.endpoint import EndpointHook
from histoflow.hooks.registry import RegistryHook
from histoflow.links import address
from idc import layout
from idc.deploy import rollback, stage as deploy, version as versions
from idc.deploy.decision import Outcome
from idc.deploy.package import IMAGE
from idc.deploy.question import question
from idc.deploy.version import Version
from idc.errors import InputError
from idc.evaluate import stage as evaluate
from idc.evaluate.report import stage as reports
from idc.evaluate.served_model import ServedModel
from idc.settings import settings
from idc.train import candidates

log = logging.getLogger(__name__)


def plan() -> list[dict[str, Any]]:
    """Plan the jobs that score the partition's candidates, and the model behind the endpoint right now."""
    found = RegistryHook().served_by(settings().endpoint_name)
    champion = found.served if found else None
    runs.hand_on(champion=champion and asdict(champion))
    return evaluate.plan(
        runs.store(), settings(), dag_id=runs.dag_id(), partition=runs.partition(), champion=champion
    )


def measure(planned: Iterable[Mapping[str, Any]], jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Measure what was scored, the candidates against the champion; return the figures that decide."""
    champion = runs.value_of("plan", "champion")
    return evaluate.measure(
        runs.store(),
        settings(),
        partition=runs.partition(),
        planned=planned,
        jobs=jobs,
        champion=ServedModel(**champion) if champion else None,
    )


def report(variant: str) -> dict[str, Any]:
    """Write a measured candidate's report, heatmaps and model card."""
    return _report(runs.partition(), variant, is_decided=False)


def decide(*, deploying: str, keeping: str) -> str:
    """Judge the partition's best candidate; return which of the two tasks is next."""
    hook = RegistryHook()
    decision = deploy.judge(
        runs.store(),
        settings(),
        partition=runs.partition(),
        champion=hook.served_by(settings().endpoint_name),
        rejected=hook.rejected(settings().model_package_group),
    )
    chosen = deploying if decision.outcome is Outcome.DEPLOY else keeping
    runs.hand_on(chosen=chosen)  # a task that skips others ends with an exception, and its result is lost
    return chosen


def register() -> dict[str, Any]:
    """Register the candidate; return its version, the endpoint that serves it, and what to ask a person."""
    store, partition = runs.store(), runs.partition()
    hook = RegistryHook()
    version = hook.register(deploy.package(store, settings(), partition=partition))
    champion = hook.served_by(settings().endpoint_name)
    variant = version.served.variant
    prefix = layout.candidate_prefix(partition, variant)
    asked = question(
        deploy.metrics_of(store, partition, variant),
        deploy.read_decision(store, partition),
        {"report": address(f"{prefix}report.html"), "card": address(f"{prefix}card.html")},
    )
    spec = deploy.endpoint(settings(), version)
    found = {"name": version.name, "package": version.arn, "version": version.to_dict()}
    is_another = champion is None or champion.arn != version.arn
    return {**found, "spec": spec, "question": asked, "is_another": is_another}


def smoke(version: Mapping[str, Any], *, asset: Asset) -> dict[str, Any]:
    """Ask the endpoint about known patches, note the deployment at the version, and announce it."""
    deployed, hook, endpoint = Version.from_dict(version), EndpointHook(), settings().endpoint_name
    facts = deploy.smoke_test(
        runs.store(),
        version=deployed,
        endpoint=endpoint,
        model_data=hook.model_data(endpoint),
        invoke=lambda image: hook.invoke(endpoint, image, IMAGE),
    )
    RegistryHook().mark_deployed(deployed.arn, endpoint)
    runs.publish(asset, **facts)
    return facts


def conclude(answered: Mapping[str, Any] | None, *, deploying: str) -> dict[str, Any]:
    """Write down what came of the decision; `answered` is what the smoke test found, if there was one.

    Of a task that this time was skipped, what it left before counts for nothing.
    """
    is_chosen = runs.value_of("decide", "chosen") == deploying
    approval = runs.value_of("approve", "answer") if is_chosen else None
    served = answered if approval and approval["is_approved"] else None
    concluded = deploy.conclude(
        runs.store(),
        partition=runs.partition(),
        version=served["version"] if served else "",
        approval=approval,
        is_deployed=served is not None,
    )
    if concluded["variant"]:
        _report(runs.partition(), concluded["variant"], is_decided=True)
    return concluded


def choose_earlier() -> dict[str, Any]:
    """Return the version to go back to, the endpoint that serves it, and the other one served now, if any."""
    hook, group, endpoint = RegistryHook(), settings().model_package_group, settings().endpoint_name
    number = runs.parameter("version", None)
    rollback.check_rest(EndpointHook().find(endpoint))
    now = hook.served_by(endpoint)
    before = (
        hook.numbered(group, number)
        if number
        else now and versions.before(list(hook.versions(group, versions.APPROVED)), endpoint, now)
    )
    target = rollback.check(before, now, endpoint)
    spec = deploy.endpoint(settings(), target, "all-at-once")
    bad = now.to_dict() if now and now.arn != target.arn else None
    return {"version": target.to_dict(), "spec": spec, "bad": bad}


def conclude_rollback(chosen: Mapping[str, Any], *, asset: Asset) -> dict[str, Any]:
    """Reject the version that was gone back from, write down why, and announce it to both partitions."""
    bad = Version.from_dict(chosen["bad"]) if chosen["bad"] else None
    target, reason = Version.from_dict(chosen["version"]), runs.parameter("reason", "")
    if bad:
        RegistryHook().reject(bad.arn, f"Rolled back to {target.name}: {reason}")
    partitions = {one.served.partition for one in (target, bad) if one}
    runs.announce_for(asset, sorted(partitions))
    facts = rollback.record(runs.store(), target=target, bad=bad, reason=reason)
    if bad:
        try:
            if rollback.is_reported(runs.store(), bad):
                _report(bad.served.partition, bad.served.variant, is_decided=True)
        except InputError as error:  # what it shows may have been deleted or damaged since
            log.warning("The report of %s does not tell of it: %s", bad.name, error)
    return facts


def _report(partition: str, variant: str, *, is_decided: bool) -> dict[str, Any]:
    """Write a measured candidate's report, heatmaps and model card, with what was decided if it is."""
    store = runs.store()
    tuning_job = candidates.candidate(store, partition, variant).tuning_job
    return reports.evaluation(
        store, partition=partition, variant=variant, tuning_job=tuning_job, is_decided=is_decided
    )
