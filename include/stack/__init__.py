"""Builds the environments, and runs Airflow and the embedded AWS on one machine."""
