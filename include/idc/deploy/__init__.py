"""Choose the model to serve, register it, and create or update the endpoint.

In: the candidates' metrics, the champion. Out: `decision.json`, `smoke.json`, a model package, an endpoint.
Begin with `stage.py`; `decision.py` has the gates, `rollback.py` the way back.
"""
