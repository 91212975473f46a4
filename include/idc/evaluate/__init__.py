"""Score every candidate on the same patches, calibrate and measure them with bounds over patients.

In: candidates and batch transform's answers. Out: `metrics.json`, `predictions.csv`, `patients.csv`, reports.
Begin with `stage.py`; `metrics.py` has the figures, `report/` the pages.
"""
