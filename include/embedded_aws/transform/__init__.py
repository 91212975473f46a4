"""Batch transform jobs.

In: CreateTransformJob. Out: one object of predictions for each input object.
Read `transform_operations.py`, then `transform_agent.py`, `records.py` and `sender.py`.
"""
