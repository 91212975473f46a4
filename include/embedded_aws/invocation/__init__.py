"""SageMaker Runtime: invocations of endpoints.

In: InvokeEndpoint, InvokeEndpointAsync, InvokeEndpointWithResponseStream. Out: the answer of an instance.
Read `invocations.py` first, then `synchronous.py` and `routes.py` (which instance gets a request).
"""
