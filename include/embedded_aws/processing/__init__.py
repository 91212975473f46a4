"""Processing jobs.

In: CreateProcessingJob. Out: a finished container and its outputs in S3.
Read `processing_operations.py`, then `processing_states.py` and `processing_agent.py`.
"""
