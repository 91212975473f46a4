"""Train every chosen variant on a partition's dataset and record the models as candidates.

In: a dataset, options of the run. Out: training plans, then a `candidate.json` for each variant.
Begin with `stage.py`.
"""
