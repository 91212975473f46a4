"""The last page of a demonstration: what was read, learned, measured and deployed, and where to look."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idc.evaluate import comparison
from idc.layout import SPLITS
from stack import keys
from stack.console import say, table
from stack.results import Results
from stack.settings import StackSettings

CLASSES = {0: "0 no IDC", 1: "1 IDC"}


def show(settings: StackSettings, results: Results, patch: Path, api: Sequence[str]) -> None:
    """Print the summary; `patch` is a file to send to the endpoint, `api` are the lines on the REST API."""
    label = "   SYNTHETIC DATA" if results.is_synthetic else ""
    say(f"\nInvasive ductal carcinoma in breast tissue, partition {results.partition}{label}")
    say("Research software, not a diagnostic device.")
    _show_data(results, label)
    _show_training(results, label)
    _show_test(results, label)
    _show_endpoint(results, label)
    say("\nReused     " + ("\n           ".join(results.reused) or "nothing, all of this was made just now"))
    _show_addresses(settings, results, patch, api)


def _show_data(results: Results, label: str) -> None:
    manifest, quality, splits = results.manifest, results.quality, results.index["splits"]
    say(f"\nData       {manifest['source']}{label}")
    say(
        f"           {manifest['patients']:,} patients, {quality['patches_read']:,} patches read, "
        f"{quality['quarantined_count']:,} quarantined, {quality['patches_used']:,} used"
    )
    say(f"\nSplit      no patient is on two sides{label}")
    rows = [
        [name, f"{part['patients']:,}", f"{part['patches']:,}"]
        + [f"{part['classes'][klass]:,}" for klass in ("0", "1")]
        for name, part in ((name, splits[name]) for name in SPLITS)
    ]
    table(["split", "patients>", "patches>", "class 0>", "class 1>"], rows, indent=11)


def _show_training(results: Results, label: str) -> None:
    say(f"\nTraining   {len(results.candidates)} candidates from one dataset{label}")
    rows = [
        [
            one["variant"],
            one["training_job"],
            one["hyperparameters"]["epochs"],
            f"{one['run_s']:,} s",
            _number(one["metrics"].get("train:accuracy")),
            _number(one["metrics"].get("validation:accuracy")),
        ]
        for one in results.candidates
    ]
    columns = ["candidate", "job", "epochs>", "ran>", "training accuracy>", "validation accuracy>"]
    table(columns, rows, indent=11)


def _show_test(results: Results, label: str) -> None:
    test = results.metrics[0]["test"]
    say(
        f"\nTest       {test['patches']:,} patches of {test['patients']:,} patients no model saw; "
        f"bounds hold 95 % of resampled patients{label}"
    )
    table(list(comparison.HEADER), comparison.rows(results.metrics), indent=11)


def _show_endpoint(results: Results, label: str) -> None:
    endpoint = results.endpoint
    status = f"{endpoint['EndpointName']}: {endpoint['EndpointStatus']}, serves {results.deployed}"
    say(f"\nEndpoint   {status}{label}")
    for reason in results.decision["reasons"]:
        say(f"           {reason}")
    rows = [
        [
            patch["patch"],
            patch["patient"],
            CLASSES[patch["label"]],
            CLASSES[int(patch["calibrated"] >= results.threshold)],
            f"{patch['calibrated']:.3f}",
        ]
        for patch in two_patches(results.smoke["patches"])
    ]
    table(["patch", "patient", "truth", "answer", "probability of IDC>"], rows, indent=11)


def two_patches(patches: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return two patches of one patient, of both classes where a patient has both."""
    by_patient: dict[str, list[Mapping[str, Any]]] = {}
    for patch in patches:
        by_patient.setdefault(patch["patient"], []).append(patch)
    if not by_patient:
        return []
    best = max(by_patient.values(), key=lambda own: (len({patch["label"] for patch in own}), len(own)))
    first = best[0]
    other = next((patch for patch in best[1:] if patch["label"] != first["label"]), None)
    return [first, other] if other else list(best[:2])


def _show_addresses(settings: StackSettings, results: Results, patch: Path, api: Sequence[str]) -> None:
    name = results.endpoint["EndpointName"]
    base = (
        f"http://127.0.0.1:{settings.aws_port}"
        if settings.aws == "embedded"
        else f"https://runtime.sagemaker.{settings.region}.amazonaws.com"
    )
    say(f"\nAirflow    {settings.airflow_url}")
    say(f"           user {keys.ADMIN}, password in {keys.passwords_file(settings.airflow_home)}")
    say(f"Endpoint   {base}/endpoints/{name}/invocations")
    if settings.aws == "embedded":
        say('           eval "$(make -s env)"')
    say(f"           aws sagemaker-runtime invoke-endpoint --endpoint-name {name} \\")
    body = shlex.quote(f"fileb://{patch}")
    say(f"             --content-type application/x-image --body {body} answer.json")
    say("REST API   " + "\n           ".join(api))
    say("Stop       make down (keeps all state; make clean removes it)")


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
