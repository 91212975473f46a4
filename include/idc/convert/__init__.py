"""Plan the processing job that makes a partition's dataset, and publish what it made.

In: a snapshot and conversion settings. Out: `snapshots/<partition>/dataset.json` and the dataset report.
Begin with `stage.py`; `job.py` makes the request, `report/` the page.
"""
