"""The one file here that Airflow scans; the package `histoflow` beside it is imported by the DAGs."""

from airflow.plugins_manager import AirflowPlugin

from histoflow.pages import PREFIX, Pages, view


class HistoflowPlugin(AirflowPlugin):
    """Registers what Histoflow adds to Airflow."""

    name = "histoflow"
    fastapi_apps = [{"app": Pages(), "url_prefix": PREFIX, "name": "Histoflow"}]  # noqa: RUF012
    external_views = [view("Breast cancer models", "models", "breast-cancer-models")]  # noqa: RUF012
