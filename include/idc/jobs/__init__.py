"""Describe SageMaker jobs: request, digest, name, state, cost. What the requests of all stages share.

In: plans and settings. Out: specifications that the operators of the plugin run.
Begin with `spec.py`.
"""
