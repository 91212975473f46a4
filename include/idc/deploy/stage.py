"""The stage metrics → endpoint: decide about the best candidate, register it, see that it answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from idc import layout
from idc.deploy import artifact, rollout, smoke
from idc.deploy.decision import Challenger, Decision, Gates, Outcome, SmokeSet, decide
from idc.deploy.package import PackageSpec, package_spec
from idc.deploy.rollout import endpoint_spec
from idc.deploy.version import Version
from idc.evaluate.metrics_table import DECIDES
from idc.evaluate.predictions import Predictions, parsed
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates as registry
from idc.train.candidates import Candidate

log = logging.getLogger(__name__)

NOTICE = "Research software, not a diagnostic device."


def judge(
    store: ObjectStore,
    settings: Settings,
    *,
    partition: str,
    champion: Version | None,
    rejected: Iterable[str] = (),
) -> Decision:
    """Choose the candidate that is best on validation, judge it, write decision.json and return the decision.

    The test patients do not choose: a figure that chose would flatter what it measures. `rejected` are the
    digests of artifacts that the registry holds as rejected: they do not come back by themselves.

    Raises:
        ConflictError: a candidate has been trained again since it was measured.
    """
    candidates = {one.variant: one for one in registry.candidates(store, partition)}
    refused = set(rejected)
    left_out = tuple(
        f"{name} is left out: its model was rejected in the registry"
        for name, one in candidates.items()
        if one.model_sha256 in refused
    )
    metrics = [_measured(store, one) for one in candidates.values() if one.model_sha256 not in refused]
    if metrics:
        best = max(metrics, key=lambda one: one["validation"][DECIDES]["value"])
        log.info("%s is the best on validation: %s", best["variant"], best["validation"][DECIDES]["value"])
        found = decide(_challenger(store, partition, best), champion, Gates.of(settings))
        found = Decision(
            found.outcome, found.variant, found.gates, (*found.reasons, *left_out), found.is_waived
        )
    else:
        found = Decision(Outcome.KEEP, "", (), left_out)
    for line in (*map(str, found.gates), *found.reasons):
        log.log(logging.WARNING if found.is_waived else logging.INFO, "%s", line)
    write_decision(store, partition, {**found.to_dict(), "champion": champion and _short(champion)})
    return found


def package(store: ObjectStore, settings: Settings, *, partition: str) -> PackageSpec:
    """Return the version to register for the candidate that is to be deployed, and keep its known answers.

    Raises:
        UnsafeArtifact: its artifact holds what a model does not.
        ConflictError: it has been trained again since it was measured.
    """
    variant = read_decision(store, partition)["variant"]
    candidate = registry.candidate(store, partition, variant)
    metrics = _measured(store, candidate)
    artifact.check(candidate.model_data, store.get(layout.parse_uri(candidate.model_data)[1]))
    test = _predictions(store, partition, variant)
    evaluated = dict(zip(test.patch.tolist(), test.probability.tolist(), strict=True))
    known = smoke.known_patches(store, candidate.dataset_digest, evaluated)
    smoke.keep(store, candidate.model_sha256, known)
    return package_spec(store, settings, candidate, metrics)


def endpoint(settings: Settings, version: Version, style: rollout.Style | None = None) -> dict[str, Any]:
    """Return the specification of the endpoint that serves a registered version, as values."""
    return endpoint_spec(settings, package=version.arn, name=version.name, style=style).to_dict()


def smoke_test(
    store: ObjectStore,
    *,
    version: Version,
    endpoint: str,
    model_data: str,
    invoke: Callable[[bytes], tuple[bytes, str]],
) -> dict[str, Any]:
    """Ask the endpoint about known test patches; write the answers as smoke.json and return them.

    `model_data` is the artifact the endpoint says it serves; `invoke` sends it an encoded image, and returns
    the answer and the name of the production variant that gave it.

    Raises:
        EndpointFailed: it serves another artifact, or answers otherwise than the registered model.
    """
    served = version.served
    smoke.check_artifact(store, endpoint, model_data, served)
    answers = []
    for patch in smoke.kept(store, served.model_sha256):
        reply, variant = invoke(patch.image)
        smoke.check_variant(endpoint, variant, version.name)
        answer = smoke.read_answer(endpoint, patch, reply, served)
        log.info("%s: class %d, answered %s", answer.patch, answer.label, answer.probabilities)
        answers.append(answer)
    smoke.check_classes(endpoint, answers)
    record = smoke.record(endpoint, version, answers)
    registry.write_json(store, layout.smoke(served.partition, served.variant), record)
    return record


def conclude(
    store: ObjectStore, *, partition: str, version: str, approval: Mapping[str, Any] | None, is_deployed: bool
) -> dict[str, Any]:
    """Add to decision.json what came of it: the model is served, or the champion kept, and who said so.

    It may be repeated, and after another answer the one before is not told any more.
    """
    decision = read_decision(store, partition)
    told = ((decision.get("result") or {}).get("approval") or {}).get("reason")
    decision["reasons"] = [reason for reason in decision["reasons"] if reason != told]
    result = {"is_deployed": is_deployed, "version": version or None, "approval": approval}
    if approval:
        decision["outcome"] = str(Outcome.DEPLOY if approval["is_approved"] else Outcome.KEEP)
    if approval and not approval["is_approved"]:
        decision["reasons"].append(str(approval["reason"]))
    write_decision(store, partition, {**decision, "result": result})
    said = f"{version} is served" if is_deployed else "what is served stays as it is"
    log.info("%s: %s", said, "; ".join(decision["reasons"]))
    return {
        "is_deployed": is_deployed,
        "variant": decision["variant"],
        "version": version,
        "reasons": decision["reasons"],
    }


def read_decision(store: ObjectStore, partition: str) -> dict[str, Any]:
    """Return decision.json.

    Raises:
        MissingObject: nothing was decided for this partition.
    """
    found: dict[str, Any] = json.loads(store.get(layout.decision(partition)))
    return found


def write_decision(store: ObjectStore, partition: str, decision: Mapping[str, Any]) -> None:
    """Write decision.json."""
    document = {"partition": partition, "notice": NOTICE, **decision}
    registry.write_json(store, layout.decision(partition), document)


def metrics_of(store: ObjectStore, partition: str, variant: str) -> dict[str, Any]:
    """Return a candidate's metrics.json."""
    found: dict[str, Any] = json.loads(store.get(layout.metrics(partition, variant)))
    return found


def _measured(store: ObjectStore, candidate: Candidate) -> dict[str, Any]:
    """Return the metrics of this very model, not of one that was the candidate before."""
    metrics = metrics_of(store, candidate.partition, candidate.variant)
    if metrics["model_data"] != candidate.model_data:
        registry.refuse_other_model(candidate, candidate.model_data, metrics["model_data"])
    return metrics


def _challenger(store: ObjectStore, partition: str, metrics: Mapping[str, Any]) -> Challenger:
    candidate = registry.candidate(store, partition, metrics["variant"])
    synthetic = registry.dataset_index(store, candidate.dataset_digest).synthetic
    known = _smoke_set(_predictions(store, partition, candidate.variant))
    return Challenger(metrics, candidate.model_sha256, synthetic, known)


def _smoke_set(test: Predictions) -> SmokeSet | None:
    """Return what the first test patient with patches of both classes was answered, class by class."""
    for patient in dict.fromkeys(test.patient.tolist()):
        own = test.patient == patient
        means = [test.probability[own & (test.label == label)] for label in (0, 1)]
        if all(len(one) for one in means):
            return SmokeSet(patient, float(means[0].mean()), float(means[1].mean()))
    return None


def _predictions(store: ObjectStore, partition: str, variant: str) -> Predictions:
    return parsed(store.get(layout.predictions(partition, variant))).of("test")


def _short(version: Version) -> dict[str, Any]:
    served = version.served
    return {"version": version.name, "variant": served.variant, "partition": served.partition}
