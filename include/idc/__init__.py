"""Histoflow's library: from the Kaggle archive of patches to a served prediction, without Airflow."""
