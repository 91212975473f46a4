"""Airflow is given a home before any test imports it."""

import airflow_home  # noqa: F401
