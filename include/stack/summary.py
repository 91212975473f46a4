"""The summary of a demo: data, training, test metrics, endpoint, and where to look further."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from idc.evaluate import comparison
from idc.layout import SPLITS
from stack import keys, prediction_api, sample
from stack.console import say, say_as_is, shown, table
from stack.results import Results
from stack.settings import StackSettings

INDENT = 11  # of what stands beside a section's name
CLASSES = {0: "0 no IDC", 1: "1 IDC"}


def show(settings: StackSettings, results: Results, patch: Path, readiness: str) -> None:
    """Print the summary; `patch` is a file to send, `readiness` says whether the REST API has a model."""
    label = "   SYNTHETIC DATA" if results.is_synthetic else ""
    say(f"\nInvasive ductal carcinoma in breast tissue, partition {results.partition}{label}")
    say("Research software, not a diagnostic device.")
    _show_data(results, label)
    _show_training(results, label)
    _show_test(results, label)
    _show_endpoint(results, label)
    first, *others = results.reused or ["nothing: this run made everything"]
    say(f"\nReused     {first}")
    for what in others:
        _more(what)
    _show_addresses(settings, results, patch, readiness)


def _show_data(results: Results, label: str) -> None:
    manifest, quality, splits = results.manifest, results.quality, results.index["splits"]
    say(f"\nData       {manifest['source']}{label}")
    _more(
        f"{manifest['patients']:,} patients, {quality['patches_read']:,} patches read, "
        f"{quality['quarantined_count']:,} quarantined, {quality['patches_used']:,} used"
    )
    say(f"\nSplit      each patient is in one split only{label}")
    rows = [
        [name, f"{part['patients']:,}", f"{part['patches']:,}"]
        + [f"{part['classes'][klass]:,}" for klass in ("0", "1")]
        for name, part in ((name, splits[name]) for name in SPLITS)
    ]
    table(["split", "patients>", "patches>", "class 0>", "class 1>"], rows)


def _show_training(results: Results, label: str) -> None:
    say(f"\nTraining   {len(results.candidates)} candidates from one dataset{label}")
    trained_by: dict[str, str] = {}
    for one in results.candidates:
        first = trained_by.setdefault(one["training_job"], one["variant"])
        if first != one["variant"]:
            _more(f"{one['variant']} and {first} made the same request: one job trained both")
    rows = [
        [
            one["variant"],
            one["hyperparameters"]["epochs"],
            f"{one['run_s']:,} s",
            _number(one["metrics"].get("train:accuracy")),
            _number(one["metrics"].get("validation:accuracy")),
            one["training_job"],
        ]
        for one in results.candidates
    ]
    table(["candidate", "epochs>", "ran>", "training accuracy>", "validation accuracy>", "job"], rows)


def _show_test(results: Results, label: str) -> None:
    test = results.metrics[0]["test"]
    say(f"\nTest       {test['patches']:,} patches of {test['patients']:,} patients that no model saw{label}")
    _more("In brackets: 95 % bootstrap bounds over patients.")
    table(comparison.header(), comparison.rows(results.metrics), indent=1)


def _show_endpoint(results: Results, label: str) -> None:
    endpoint = results.endpoint
    status = f"{endpoint['EndpointName']}: {endpoint['EndpointStatus']}, serves {results.deployed}"
    say(f"\nEndpoint   {status}{label}")
    for reason in results.decision["reasons"]:
        _more(reason)
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
    table(["patch", "patient", "truth", "answer", "probability>"], rows)


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


def _show_addresses(settings: StackSettings, results: Results, patch: Path, readiness: str) -> None:
    name = results.endpoint["EndpointName"]
    base = (
        f"http://127.0.0.1:{settings.aws_port}"
        if settings.aws == "embedded"
        else f"https://runtime.sagemaker.{settings.region}.amazonaws.com"
    )
    say(f"\nAirflow    {settings.airflow_url}")
    _more(f"user {keys.ADMIN}, password in {shown(keys.passwords_file(settings.airflow_home))}")
    say(f"Endpoint   {base}/endpoints/{name}/invocations")
    if settings.aws == "embedded":
        say_as_is('  eval "$(make -s env)"')
    say_as_is(f"  aws sagemaker-runtime invoke-endpoint --endpoint-name {name} \\")
    say_as_is("    --content-type application/x-image \\")
    say_as_is(f"    --body {shlex.quote(f'fileb://{shown(patch)}')} answer.json")
    say(f"REST API   {settings.api_url} (a page for people, /openapi.json for programs)")
    _more(readiness)
    _more(f"key in {shown(prediction_api.key_file(settings))}")
    for line in sample.command(settings, patch):
        say_as_is(f"  {line}")
    say("Stop       make down (keeps all state; make clean removes it)")


def _more(text: str) -> None:
    """Print another line of a section."""
    say(" " * INDENT + text, hang=INDENT)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
