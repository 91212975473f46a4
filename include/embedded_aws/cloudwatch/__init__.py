"""Logs and metrics of jobs and endpoints.

In: the lines that containers print. Out: log streams on disk and metrics in the store; both are
copied to moto, which serves CloudWatch. Read `logs.py` first, then `metrics.py`.
"""
