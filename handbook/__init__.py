"""The documentation site's reference, made from the code at build time.

`hook.py` runs inside MkDocs; all else runs in Airflow's environment, as `python -m handbook`, and prints the
pages. Nothing here is part of the product.
"""
