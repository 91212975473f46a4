"""The edge process: one HTTP port for every service but S3.

In: signed AWS requests. Out: responses of SageMaker (ours), of moto and of S3 (passed on).
Read `edge.py` first, then `operations.py`, the table of all SageMaker operations.
"""
