"""Read what the page *Breast cancer models* of the Airflow UI shows.

In: documents in S3 and descriptions from SageMaker. Out: plain values as JSON.
Begin with `documents.py`.
"""
