"""Training jobs.

In: CreateTrainingJob. Out: a finished container, `model.tar.gz` in S3 and metrics.
Read `training_operations.py`, then `training_states.py` and `training_agent.py`.
"""
