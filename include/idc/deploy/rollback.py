"""The stage endpoint → endpoint as it was: which version to go back to, and what is written down of it."""

from __future__ import annotations

import logging
from typing import Any

from idc import layout
from idc.deploy.decision import Outcome
from idc.deploy.stage import metrics_of, read_decision, write_decision
from idc.deploy.version import APPROVED, Version
from idc.errors import ConflictError, MissingObject
from idc.jobs.state import EndpointState
from idc.storage import ObjectStore
from idc.train import candidates

log = logging.getLogger(__name__)


def check_rest(endpoint: EndpointState | None) -> None:
    """See that no update of the endpoint is under way: until it ends it is not certain what is served.

    Raises:
        ConflictError: one is.
    """
    if endpoint is not None and endpoint.is_changing:
        action = "SageMaker cannot call an update off: trigger this again when it has ended."
        raise ConflictError("endpoint", endpoint.name, endpoint.status, "no update under way", action)


def check(before: Version | None, now: Version | None, endpoint: str) -> Version:
    """Return the version to go back to, if there is one that may be served.

    Raises:
        MissingObject: there is none.
    """
    if before is None:
        observed = f"nothing was behind it before {now.name}" if now else "no version of the registry"
        action = "Name a version, or deploy a model with idc_deploy."
        raise MissingObject("endpoint", endpoint, observed, "an approved version to go back to", action)
    if before.status != APPROVED:
        action = "Approve it in the model registry first, or name another."
        raise MissingObject("version", before.name, f"{before.status}: {before.reason}", APPROVED, action)
    log.info("Back from %s to %s (%s)", now.name if now else "nothing", before.name, before.arn)
    return before


def is_reported(store: ObjectStore, version: Version) -> bool:
    """Return whether its partition's measures and decision are still about a version.

    Raises:
        MissingObject: they are gone.
    """
    served = version.served
    candidate = candidates.candidate(store, served.partition, served.variant)
    measured = metrics_of(store, served.partition, served.variant)["model_data"]
    decided = read_decision(store, served.partition)["variant"]
    found = (candidate.model_data, measured, decided)
    return found == (served.model_data, served.model_data, served.variant)


def record(store: ObjectStore, *, target: Version, bad: Version | None, reason: str) -> dict[str, Any]:
    """Add to the decision that put `bad` behind the endpoint that it was taken back; return the facts."""
    facts = {"to": target.name, "from": bad.name if bad else None, "reason": reason}
    if bad is not None and store.head(layout.decision(bad.served.partition)) is not None:
        decision = read_decision(store, bad.served.partition)
        if decision["variant"] == bad.served.variant:
            why = f"{bad.name} was rolled back to {target.name}: {reason}"
            others = [one for one in decision["reasons"] if one != why]  # a repetition says it once
            taken_back = {"outcome": str(Outcome.KEEP), "reasons": [*others, why]}
            write_decision(store, bad.served.partition, {**decision, **taken_back, "rollback": facts})
    log.info("%s is served; %s is rejected: %s", facts["to"], facts["from"] or "no other", reason)
    return facts
