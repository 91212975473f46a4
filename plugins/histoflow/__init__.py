"""Everything of Histoflow that knows Airflow, apart from the DAGs."""
