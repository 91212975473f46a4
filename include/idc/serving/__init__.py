"""The REST API in front of the SageMaker endpoint, for the software of others.

Research software, not a diagnostic device.
"""
