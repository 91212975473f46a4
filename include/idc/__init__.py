"""The product's library: from an archive of patches to a served model. Plain Python, without Airflow."""
