"""Endpoints and their configurations.

In: CreateEndpointConfig, CreateEndpoint, UpdateEndpoint … Out: a fleet of instances that serve the model.
Read `endpoint_operations.py` first, then `lifecycle.py` (states) and `fleet.py` (what the controller does).
"""
