"""The stage metrics → endpoint: choose a candidate, and see that the endpoint answers as it does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from idc import layout, registry
from idc.dataset.storage import ObjectStore
from idc.jobs.models import endpoint_spec
from idc.settings import Settings
from idc.stages import smoke
from idc.stages.evaluate import DECIDES, parsed

log = logging.getLogger(__name__)


def choose(
    store: ObjectStore, settings: Settings, *, partition: str, measured: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the variant of the candidate that is best on validation, and the endpoint that serves it.

    The test patients do not choose: a figure that chose would flatter what it measures.
    """
    best = max(measured, key=lambda facts: facts["validation"][DECIDES])
    log.info("%s is deployed: %s %.4f on validation", best["variant"], DECIDES, best["validation"][DECIDES])
    candidate = registry.candidate(store, partition, best["variant"])
    return {"variant": candidate.variant, "spec": endpoint_spec(settings, candidate).to_dict()}


def smoke_test(
    store: ObjectStore,
    *,
    partition: str,
    variant: str,
    endpoint: str,
    model_data: str,
    invoke: Callable[[bytes], bytes],
) -> dict[str, Any]:
    """Ask the endpoint about two test patches; write the answers as smoke.json and return them.

    `model_data` is the artifact the endpoint says it serves, `invoke` sends it an encoded image.

    Raises:
        EndpointFailed: it serves another artifact, or answers otherwise than that model.
    """
    candidate = registry.candidate(store, partition, variant)
    smoke.check_artifact(store, endpoint, model_data, candidate)
    predictions = parsed(store.get(layout.predictions(partition, variant))).of("test")
    evaluated = dict(zip(predictions.patch.tolist(), predictions.probability.tolist(), strict=True))
    answers = []
    for patch in smoke.known_patches(store, candidate.dataset_digest, evaluated):
        answer = smoke.read_answer(endpoint, patch, invoke(patch.image))
        log.info("%s: class %d, answered %s", answer.patch, answer.label, answer.probabilities)
        answers.append(answer)
    record = smoke.record(endpoint, answers)
    registry.write_json(store, layout.smoke(partition, variant), record)
    return record
