"""Containers without Docker.

In: an image URI and a specification. Out: a watched process that sees its directory at /opt/ml.
Read `runtimes.py` (which program stands for an image) first, then `container.py`.
"""
