"""The one file here that Airflow scans; the package `histoflow` beside it is imported by the DAGs."""

from airflow.plugins_manager import AirflowPlugin


class HistoflowPlugin(AirflowPlugin):
    """Registers what Histoflow adds to Airflow."""

    name = "histoflow"
