"""What a run passes to the runs after it: facts, form values, and the run manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk.exceptions import ParamValidationError

from histoflow import forms
from idc import layout
from idc.errors import ConfigurationError
from idc.settings import settings
from idc.train import candidates

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from idc.storage import ObjectStore

THEN = "then"
# Paths on the worker do not belong into a run manifest.
_OF_THE_MACHINE = {"home", "envs", "sagemaker_sdk_python"}


def passed_on(context: Context) -> dict[str, dict[str, Any]]:
    """Return form values for later DAGs, by DAG: this run's own, else those of the run that triggered it."""
    own = (context.get("params") or {}).get(THEN)
    if own:
        return dict(own)
    events = context.get("triggering_asset_events") or {}
    extras = [event.extra or {} for found in events.values() for event in found]
    return dict(next((extra[THEN] for extra in reversed(extras) if extra.get(THEN)), {}))


def value(context: Context, name: str) -> Any:
    """Return a form's value. Precedence: this run's form, values passed on, the form's default."""
    dag, run = context.get("dag"), context.get("dag_run")
    given = getattr(run, "conf", None) or {}
    passed = passed_on(context).get(dag.dag_id, {}) if dag is not None else {}
    return passed[name] if name in passed and name not in given else context["params"][name]


def check(values: Mapping[str, Any]) -> None:
    """Check form values for later DAGs before anything runs.

    Raises:
        ConfigurationError: there is no such DAG or field, or the field does not take the value.
    """
    known = {"idc_convert": forms.conversion(), "idc_train": forms.training()}
    for dag_id, fields in values.items():
        for name, given in fields.items():
            field = known.get(dag_id, {}).get(name)
            where = f"{dag_id}.{name}"
            if field is None:
                fit = ", ".join(f"{dag}.{one}" for dag, form in known.items() for one in form)
                raise ConfigurationError("field", where, "not there", f"one of {fit}", "Correct `then`.")
            try:
                field.resolve(given)
            except ParamValidationError as error:
                raise ConfigurationError(
                    "field", where, str(error), "a valid value", "Correct `then`."
                ) from error


def announce(context: Context, store: ObjectStore, asset: Asset, facts: Mapping[str, Any]) -> None:
    """Attach `facts` to the event by which this task updates `asset`, and keep the run's manifest."""
    extra = {**facts, THEN: later} if (later := passed_on(context)) else dict(facts)
    context["outlet_events"][asset].extra = extra
    keep_manifest(context, store, facts)


def keep_manifest(context: Context, store: ObjectStore, facts: Mapping[str, Any]) -> None:
    """Write the run manifest: configuration, parameters, settings and results."""
    run = context["dag_run"]
    if not run.partition_key:
        return
    content = {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "run_type": getattr(run.run_type, "value", run.run_type),
        "partition": run.partition_key,
        "conf": _without_secrets(run.conf or {}),
        "params": _without_secrets({name: value(context, name) for name in context["params"]}),
        THEN: _without_secrets(passed_on(context)),
        "settings": _without_secrets(settings().model_dump(mode="json", exclude=_OF_THE_MACHINE)),
        "made": _without_secrets(facts),
    }
    candidates.write_json(store, layout.run_manifest(run.partition_key, run.dag_id, run.run_id), content)


def _without_secrets(found: Any) -> Any:
    """Return values without user names, passwords and queries in web addresses."""
    if isinstance(found, Mapping):
        return {name: _without_secrets(one) for name, one in found.items()}
    if isinstance(found, list | tuple):
        return [_without_secrets(one) for one in found]
    if isinstance(found, str) and found.startswith(("http://", "https://")):
        parts = urlsplit(found)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return found
