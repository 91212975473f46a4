"""What Airflow learns of this package as a provider: the connection type `kaggle` and its form.

Airflow finds it by the entry point in `histoflow-1.dist-info` beside this package: a hook in a plugin alone
would not show in the list of connection types.
"""

from __future__ import annotations

from typing import Any


def provider_info() -> dict[str, Any]:
    """Return the provider's description; its schema is Airflow's `provider_info.schema.json`."""
    form = {
        "hidden-fields": ["host", "port", "schema", "extra"],
        "relabeling": {"login": "User name (only with a legacy key)", "password": "API token or legacy key"},
        "placeholders": {"password": "from kaggle.com/settings"},
    }
    kaggle = {
        "connection-type": "kaggle",
        "hook-class-name": "histoflow.hooks.kaggle.KaggleHook",
        "hook-name": "Kaggle",
        "ui-field-behaviour": form,
    }
    return {
        "package-name": "histoflow",
        "name": "Histoflow",
        "description": "Breast histopathology on SageMaker.",
        "connection-types": [kaggle],
    }
