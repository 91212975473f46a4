"""Hyperparameter tuning jobs: searches that start training jobs.

In: CreateHyperParameterTuningJob. Out: training jobs and the best of them.
Read `tuning_operations.py`, then `tuner.py` (what the controller does) and `search.py` (next values).
"""
